import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { protocol, version } from '../../shared/protocol.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { FakeDaemon, good } from '../helpers/fake-daemon.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a stop ends, whatever hangs, and frees the data; and nobody says that a daemon has stopped before it has.

const url = 'https://example.org/';
const preload = pathToFileURL(join(import.meta.dirname, 'failure-stop-hang.ts')).href;
const withTimers = (faster: number) => ({ NODE_OPTIONS: `--import=${preload}`, HOLDFAST_TEST_FASTER: `${faster}` });
const said = ({ log }: DaemonProcess) => log.map(({ msg }) => msg);

describe('anomalyco/opencode#37521: a daemon that is told to stop', () => {
  // What ends in order has the time that a busy machine may need for that.
  it.each<[string, string, number | null, number]>([
    ['while its disk hangs ends by force, says so, and frees the data', 'hang', null, 20],
    ['while it writes ends in order (red control)', 'live', 0, 1],
  ])('%s', async (_, app, code, faster) => {
    await using home = new TestHome();
    const daemon = await home.start({ env: withTimers(faster) });
    const client = home.client();
    await client.feeds.put({ name: 'kept', url });
    const call = client.feeds.put({ app, name: 'x', url }).catch(() => undefined);
    await until('it writes, or hangs', async () => (await client.system.health()).queueDepth > 0 || app === 'live');
    expect(await daemon.end('SIGTERM')).toEqual({ code, signal: code === null ? 'SIGKILL' : null });
    expect(said(daemon).some((msg) => String(msg).includes('ended by force'))).toBe(app === 'hang');
    client.close();
    await call;
    await home.start();
    expect((await home.client().feeds.get({ name: 'kept' })).name).toBe('kept');
  });

  it('while a request never ends stops in order all the same', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env: withTimers(4) });
    const half = connect(home.paths.socket);
    const head = ['host: localhost', 'content-type: application/json', 'content-length: 99', 'expect: 100-continue'];
    half.on('error', () => undefined).write(`POST /v1/batch HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n{`);
    // It says so when it has read that.
    await once(half, 'data');
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(said(daemon)).toContain('requests did not end in time');
    expect(existsSync(home.paths.socket)).toBe(false);
    half.destroy();
  });
});

/** Makes a minute of a command's waiting short. */
const clock = `data:text/javascript,${encodeURIComponent(
  `for (const it of [Date, performance]) { const now = it.now.bind(it), from = now(); it.now = () => from + (now() - from) * 200; }`,
)}`;

/** A daemon of this process id, which says that it stops and listens no more if it `does`. */
async function listen(home: TestHome, pid: number, does: boolean): Promise<FakeDaemon> {
  mkdirSync(home.paths.state, { mode: 0o700 });
  const health = { status: 'ok', reasons: [], version, protocol, pid, uptimeMs: 1, queueDepth: 0 };
  const fake: FakeDaemon = await FakeDaemon.listen(home.paths.socket, (response, request) => {
    good(response, health);
    if (does && request.url === '/v1/shutdown') response.once('close', () => void fake[Symbol.asyncDispose]());
  });
  return fake;
}

describe('anomalyco/opencode#37795: restart of a daemon that says it stops', () => {
  it('and does not: fails, starts nothing, and names it', async () => {
    await using home = new TestHome();
    await using fake = await listen(home, process.pid, false);
    process.env['NODE_OPTIONS'] = `--import=${clock}`;
    const { code, stderr } = await holdfast(home, ['restart']).finally(() => delete process.env['NODE_OPTIONS']);
    expect([code, stderr]).toEqual([69, expect.stringContaining(`(pid ${process.pid}) did not stop within 60 s`)]);
    expect(stderr).not.toMatch(/has stopped|is running/);
    expect(fake.requests.filter(({ url: path }) => path === '/v1/shutdown')).toHaveLength(1);
    expect(existsSync(home.paths.database)).toBe(false);
  });

  it('and does: starts the next one (red control)', async () => {
    await using home = new TestHome();
    await listen(home, 4_000_000, true);
    const { code, stderr } = await holdfast(home, ['restart']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/has stopped\.\nholdfast \(pid \d+\) is running\.\n$/)]);
    expect(await holdfast(home, ['stop'])).toMatchObject({ code: 0 });
  });
});
