import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { granted, Markers } from '../helpers/secrets.ts';
import { until } from '../helpers/wait.ts';

// Finding C2 of applications.md, core files: the daemon dies with secrets in its memory, where the system writes cores of
// any size. Where they go to a program instead (/proc/sys/kernel/core_pattern), test/system/run says so.

/** Runs the daemon where a core of it can be found, however large. */
function start(home: TestHome): Promise<DaemonProcess> {
  const cores = join(home.home, 'cores');
  mkdirSync(cores, { mode: 0o700 });
  return home.start({ wrapper: ['sh', '-c', `cd '${cores}'; ulimit -c unlimited; exec "$0" "$@"`] });
}

/** Fills a daemon with secrets: some that it has just answered, one of a call that waits. */
async function fill(home: TestHome, markers: Markers): Promise<void> {
  const client = home.client({ maxSockets: 50 });
  await client.auth.put({ profile: 'o', kind: 'oauth', refreshToken: markers.token('refresh token') });
  await granted(client, 'o');
  client.auth.refresh({ profile: 'o', rejected: markers.token('rejected'), waitMs: 100_000 }).catch(() => undefined);
  await client.feeds.put({
    name: 'f',
    url: 'https://example.org/feed.xml',
    auth: { kind: 'basic', username: 'someone', password: markers.password('password') },
  });
  await client.pending.put({ state: 's', secret: markers.password('pending') });
  await client.pending.take({ state: 's' });
  await client.auth.put({ profile: 'k', kind: 'api-key', apiKey: markers.password('key') });
  await client.auth.token({ profile: 'k' });
  await until('the call waits', async () => (await client.system.health()).status === 'ok');
}

/** Kills a daemon so that it leaves a core, and answers what is in it. */
async function coreOf(home: TestHome, daemon: DaemonProcess): Promise<Buffer> {
  expect(await daemon.end('SIGABRT')).toEqual({ code: null, signal: 'SIGABRT' });
  const folder = join(home.home, 'cores');
  const [core, ...others] = readdirSync(folder).filter((name) => name.startsWith('core'));
  if (core === undefined || others.length > 0) throw new Error(`there is no one core in ${folder}`);
  const bytes = readFileSync(join(folder, core));
  expect(bytes.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  return bytes;
}

/** A string of V8 is in UTF-16 when one of its characters needs it. */
const formsOf = (secret: string) => [Buffer.from(secret), Buffer.from(secret, 'utf16le')];

describe('C2: the core of a daemon that was full of secrets', () => {
  it('holds none of them', async () => {
    await using home = new TestHome();
    const markers = new Markers();
    const daemon = await start(home);
    await fill(home, markers);
    expect(markers.in(await coreOf(home, daemon))).toEqual([]);
    expect(markers.below(home.home)).toEqual([]);
  });

  it('red control: with the memory in it, it holds them', async () => {
    await using home = new TestHome();
    const markers = new Markers();
    const daemon = await start(home);
    // What the kernel gives every process, core(5); whoever owns the process may set it.
    writeFileSync(`/proc/${daemon.pid}/coredump_filter`, '0x33');
    await fill(home, markers);
    const core = await coreOf(home, daemon);
    const missing = [...markers.all].filter(([, secret]) => !formsOf(secret).some((form) => core.includes(form)));
    expect(missing).toEqual([]);
  });
});
