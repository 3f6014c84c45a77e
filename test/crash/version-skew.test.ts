import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protocolHeader, versionHeader } from '../../shared/headers.ts';
import { protocol, version } from '../../shared/protocol.ts';
import { TestHome } from '../helpers/daemon.ts';
import { FakeDaemon } from '../helpers/fake-daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import type { Report } from './version-skew-process.ts';

// Invariant: only the newer side asks for a restart, once; an older one is served; what cannot be served says which side
// to upgrade; and nothing goes round in a loop.

const module = join(import.meta.dirname, 'version-skew-process.ts');
const ours = { version, protocol };
const older = { version: '0.0.9', protocol };
const incompatible = { version: '0.0.9', protocol: protocol - 1 };
const newer = { version: '99.0.0', protocol: protocol + 1 };

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
  mkdirSync(dirname(home.paths.socket), { recursive: true, mode: 0o700 });
});
afterEach(async () => {
  // What was started by a client is nobody's child here.
  await home
    .client({ deadlineMs: 500 })
    .system.shutdown()
    .catch(() => undefined);
  await home[Symbol.asyncDispose]();
});

/** A daemon of another version, which ends when it is asked to, if it does. */
async function listen(theirs: typeof ours, ends: boolean) {
  const fake: FakeDaemon = await FakeDaemon.listen(home.paths.socket, (response, { url }) => {
    const headers = { [versionHeader]: theirs.version, [protocolHeader]: theirs.protocol };
    const about = { ...theirs, schemaVersion: 1, node: 'v26', engine: 'x' };
    response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(about));
    if (url === '/v1/shutdown' && ends) response.once('close', () => void fake[Symbol.asyncDispose]());
  });
  const asked = () => fake.requests.filter(({ url }) => url === '/v1/shutdown').length;
  return { fake, asked };
}

const calls = (count: number, env: NodeJS.ProcessEnv = {}, deadlineMs = 30_000) =>
  runProcess<Report>(module, [String(count), String(deadlineMs)], {
    HOLDFAST_HOME: home.home,
    HOLDFAST_NO_AUTOSTART: undefined,
    ...env,
  }).done;

describe('a daemon of another version', () => {
  it('that is older is asked to stop, once, and the one that the client brings takes its place', async () => {
    const { asked } = await listen(older, true);
    const versions = (await calls(20)).map((report) => ('version' in report ? report.version : report));
    expect(new Set(versions)).toEqual(new Set([older.version, version]));
    expect(versions.at(-1)).toBe(version);
    expect(asked()).toBe(1);
  });

  it('that is older and does not stop goes on serving, and no process asks it again', async () => {
    await using _ = (await listen(older, false)).fake;
    for (let process = 0; process < 3; process++) {
      expect(await calls(5)).toEqual(Array.from({ length: 5 }, () => ({ version: older.version })));
    }
    expect(_.requests.filter(({ url }) => url === '/v1/shutdown')).toHaveLength(1);
  });

  it('that is incompatible makes place before the first call is answered', async () => {
    const { asked } = await listen(incompatible, true);
    expect(await calls(2)).toEqual([{ version }, { version }]);
    expect(asked()).toBe(1);
  });

  it('that is incompatible and nobody may stop: the error says which side to upgrade', async () => {
    await using _ = (await listen(incompatible, false)).fake;
    const client = home.client();
    await expect(client.system.version()).rejects.toMatchObject({
      code: 'incompatible',
      message: expect.stringContaining(`holdfast ${incompatible.version} is running`),
    });
    await expect(client.feeds.list()).rejects.toMatchObject({ message: expect.stringContaining('Upgrade the daemon') });
    expect(_.requests.every(({ url }) => url !== '/v1/shutdown')).toBe(true);
  });

  it('that is newer serves an older client, and is left alone', async () => {
    await using _ = (await listen(newer, false)).fake;
    expect(await calls(3)).toEqual(Array.from({ length: 3 }, () => ({ version: newer.version })));
    expect(_.requests.every(({ url }) => url !== '/v1/shutdown')).toBe(true);
  });

  it('red control: one of the same version is left alone', async () => {
    await using _ = (await listen(ours, false)).fake;
    expect(await calls(3)).toEqual(Array.from({ length: 3 }, () => ({ version })));
    expect(_.requests.every(({ url }) => url !== '/v1/shutdown')).toBe(true);
  });
});
