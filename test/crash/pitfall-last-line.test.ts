import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';

// Invariant: the last line of the log says why the daemon ended, however suddenly it did.

const preload = pathToFileURL(join(import.meta.dirname, 'crash-with-secret.ts')).href;
const failing = { NODE_OPTIONS: `--import=${preload}`, CRASH_PLACE: 'main', CRASH_FORM: 'value' };

/** Ways to end, with what the last line says then. */
const ways: [string, (home: TestHome, env: NodeJS.ProcessEnv) => Promise<DaemonProcess>, object][] = [
  [
    'only a person can help',
    async (home, env) => {
      mkdirSync(home.paths.data, { mode: 0o755 });
      return home.spawn({ env });
    },
    { exitCode: 78, msg: expect.stringContaining('chmod 700') as string },
  ],
  [
    'another one owns the data',
    async (home, env) => {
      await home.start();
      return home.spawn({ env });
    },
    { exitCode: 75, msg: expect.stringContaining('Another holdfast owns') as string },
  ],
  [
    'an error that nobody caught',
    async (home, env) => {
      const daemon = await home.start({ env: { ...env, ...failing } });
      const body = { kind: 'api-key', apiKey: 'told to fail' };
      await send(home.paths.socket, 'PUT', '/v1/apps/test/auth/p', body).catch(() => undefined);
      return daemon;
    },
    { exitCode: 69, msg: expect.stringContaining('The daemon failed: Error: cannot use') as string },
  ],
  [
    'it was asked to',
    async (home, env) => {
      const daemon = await home.start({ env });
      await daemon.end();
      return daemon;
    },
    { msg: 'stopped' },
  ],
];

describe('pinojs/pino#2054: the last line of the log', () => {
  it.each(ways)('is there when %s', async (_, end, line) => {
    await using home = new TestHome();
    const daemon = await end(home, {});
    await daemon.exited;
    expect(daemon.log.at(-1)).toMatchObject(line);
  });

  it('pinojs/pino#1400: is there in a file too', async () => {
    await using home = new TestHome();
    const file = join(home.home, 'log');
    const [[, end, line]] = ways as [(typeof ways)[0]];
    await (
      await end(home, { HOLDFAST_LOG_FILE: file })
    ).exited;
    expect(JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '')).toMatchObject(line);
  });

  it('red control: one that was killed has none', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    await daemon.end('SIGKILL');
    expect(daemon.log.at(-1)).toMatchObject({ msg: 'ready' });
  });
});
