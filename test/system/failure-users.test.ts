import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { DaemonProcess, TestHome } from '../helpers/daemon.ts';

// Invariant: users of one machine do not meet, also where they share a folder, and a user needs no name. Needs root, to be
// somebody else. Nobody has this number.

const uid = 4_243;
const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
const short = `/tmp/holdfast-${uid}`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-user-'));
  chownSync(folder, uid, uid);
});
afterEach(() => {
  for (const path of [folder, short]) rmSync(path, { recursive: true, force: true });
});
/** A daemon of that user, and how it ends when it does not begin. */
const start = (env: NodeJS.ProcessEnv, home = folder) =>
  new DaemonProcess(home, { wrapper: as, env: { NODE_COMPILE_CACHE: undefined, ...env } });

const longHome = () => join(folder, 'x'.repeat(120));

describe('int128/kubelogin#628: a folder in /tmp that two users could share', () => {
  it('made by somebody else before: 78, and its name; made by nobody, it is served there (red control)', async () => {
    mkdirSync(short, { mode: 0o700 });
    const refused = start({}, longHome());
    expect(await refused.exited).toEqual({ code: 78, signal: null });
    expect(refused.stderr).toContain(`${short} belongs to user 0`);
    rmSync(short, { recursive: true });
    const daemon = await start({}, longHome()).ready();
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  });

  it('holds a folder for each of them, who serve side by side', async () => {
    await using own = new TestHome();
    const HOLDFAST_HOME = join(own.home, 'x'.repeat(120));
    const [mine, theirs] = [await own.start({ env: { HOLDFAST_HOME } }), await start({}, longHome()).ready()];
    try {
      const { socket } = paths({ HOLDFAST_HOME });
      expect(dirname(socket)).toBe('/tmp/holdfast-0');
      expect((await own.client({ socket }).system.health()).pid).toBe(mine.pid);
      expect(theirs.log.map(({ msg, socket: at }) => [msg, dirname(String(at))])).toEqual([['ready', short]]);
    } finally {
      await theirs.end();
      await mine.end();
    }
  });
});

describe('a user whom the password database does not know, as in a container', () => {
  it('is served below HOLDFAST_HOME, and below a HOME that is his', async () => {
    for (const env of [{}, { HOLDFAST_HOME: '', HOME: folder }]) {
      const daemon = await start(env).ready();
      expect(daemon.log[0]?.['data']).toBe(join(folder, 'HOME' in env ? '.local/share/holdfast' : 'data'));
      expect(await daemon.end()).toEqual({ code: 0, signal: null });
    }
  });

  it('is told what is wrong where his HOME is not his (red control)', async () => {
    const daemon = start({ HOLDFAST_HOME: '', HOME: '/' });
    expect((await daemon.exited).code).toBe(78);
    expect(daemon.stderr).toMatch(/\/\.local\/share\/holdfast cannot be made: EACCES/);
  });
});
