import { execFile } from 'node:child_process';
import { existsSync, lstatSync, rmdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { cli, TestHome } from '../helpers/daemon.ts';

const run = promisify(execFile);
const short = `/tmp/holdfast-${userInfo().uid}`;
const socketIn = (home: string) => join(home, 'state', 'holdfast.sock');

/** The command line in an environment of its own: it is told HOLDFAST_HOME, never the socket. */
const command = async (name: string, env: NodeJS.ProcessEnv) =>
  (await run(process.execPath, [cli, name], { env: { ...process.env, ...env } })).stdout;

describe('a socket path that the kernel does not take', () => {
  it.each([
    [103, false],
    [104, true],
    [400, true],
  ])(
    'cocoindex-code#267: %i bytes: moved %s; the client finds it, others are kept out, the stop removes it',
    async (bytes, moved) => {
      await using home = new TestHome();
      const existed = existsSync(short);
      const long = join(home.home, ...folders(bytes - socketIn(home.home).length));
      const env = { HOLDFAST_HOME: long, TMPDIR: home.home, XDG_RUNTIME_DIR: home.home };
      const { socket } = paths(env);
      expect(socketIn(long)).toHaveLength(bytes);
      expect(dirname(socket)).toBe(moved ? short : join(long, 'state'));

      const daemon = await home.start({ env });
      expect(JSON.parse(await command('health', env))).toMatchObject({ status: 'ok', pid: daemon.pid });
      expect((await command('socket', env)).trim()).toBe(socket);
      const directory = lstatSync(dirname(socket));
      expect([directory.isDirectory(), directory.mode & 0o777, directory.uid]).toEqual([true, 0o700, userInfo().uid]);
      expect(await daemon.end()).toEqual({ code: 0, signal: null });
      expect(existsSync(socket)).toBe(false);
      if (moved && !existed) removeIfEmpty(short);
    },
  );
});

/** Another test may use it by now. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  }
}

/** Folder names that make a path `bytes` longer, separators included, each short enough for a file system. */
function folders(bytes: number): string[] {
  if (bytes <= 101) return ['x'.repeat(bytes - 1)];
  return ['x'.repeat(99), ...folders(bytes - 100)];
}
