import { existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { RawClient } from '../bench/raw-client.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a daemon whose socket or pid file is removed makes it again without cutting anybody off, and one whose data
// is removed ends with 78 and its path.

const url = 'https://example.org/feed.xml';
const health = '/v1/health';

/** A running daemon with a feed. */
async function begin() {
  const home = new TestHome();
  const daemon = await home.start();
  await home.client().feeds.put({ name: 'f', url });
  const answers = () =>
    curl(home.paths.socket, 'GET', health).then(
      ({ status }) => status === 200,
      () => false,
    );
  return { home, daemon, answers, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

// Each waits for the daemon to look, every five seconds: so they wait together.
describe.concurrent('healing', () => {
  it('systemd/systemd#20635: listens again when its socket and pid file were removed; a connection that was open goes on', async () => {
    await using begun = await begin();
    const { home, daemon, answers } = begun;
    const open = await RawClient.open(home.paths.socket);
    await open.send('GET', health);
    daemon.child.kill('SIGSTOP');
    for (const file of [home.paths.socket, home.paths.daemonFile]) rmSync(file);
    expect(await answers()).toBe(false);
    daemon.child.kill('SIGCONT');
    await until('it listens again', answers);
    await until('it says who it is', () => existsSync(home.paths.daemonFile));
    expect(JSON.parse(await open.send('GET', health))).toMatchObject({ status: 'ok', pid: daemon.pid });
    open.close();
    expect((await home.client().feeds.get({ name: 'f' })).url).toBe(url);
    expect(daemon.log.some(({ msg }) => String(msg).includes('listening again'))).toBe(true);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(existsSync(home.paths.socket)).toBe(false);
  });

  it('OpenHands/agent-canvas#1107: makes the whole state directory again', async () => {
    await using begun = await begin();
    const { home, answers } = begun;
    rmSync(dirname(home.paths.socket), { recursive: true });
    await until('it listens again', answers);
    expect((await home.client().feeds.get({ name: 'f' })).url).toBe(url);
  });

  it('anomalyco/opencode#49664: takes its place back from another socket', async () => {
    await using begun = await begin();
    const { home, answers } = begun;
    rmSync(home.paths.socket);
    const other = createServer((socket) => socket.end('not a daemon')).listen(home.paths.socket);
    await until('it listens again', answers);
    other.close();
    // Closing removes a socket by its name, whosever it is by then: that is noticed like any removal.
    await until('it listens', answers);
    expect((await home.client().feeds.get({ name: 'f' })).url).toBe(url);
  });

  it('says in health that owner.lock was removed, and a second daemon is still refused', async () => {
    await using begun = await begin();
    const { home } = begun;
    rmSync(home.paths.ownerLock);
    const reasons = async () => (await home.client().system.health()).reasons;
    await until('health says so', async () => (await reasons()).includes('owner_lock_replaced'));
    expect((await home.spawn().exited).code).toBe(75);
  });

  it.each(['data', 'database'] as const)('ends when its %s is removed, with 78 and the path', async (what) => {
    await using begun = await begin();
    const { home, daemon } = begun;
    renameSync(home.paths[what], `${home.home}/moved`);
    expect(await daemon.exited).toEqual({ code: 78, signal: null });
    // The daemon tidies after its start, and may miss the database before it looks for the directory.
    expect(daemon.stderr).toMatch(new RegExp(`${home.paths[what]}(/holdfast\\.db)? was removed`));
    // Nothing was lost: put back, it is served.
    rmSync(home.paths[what], { recursive: true, force: true });
    renameSync(`${home.home}/moved`, home.paths[what]);
    await home.start();
    expect((await home.client().feeds.get({ name: 'f' })).url).toBe(url);
  });

  it('ohdearquant/khive#645: ends when another one has begun in the place of its data, and leaves that one’s socket', async () => {
    await using begun = await begin();
    const { home, daemon } = begun;
    renameSync(home.paths.data, `${home.home}/moved`);
    const next = await home.start();
    const { ino } = statSync(home.paths.socket);
    expect(await daemon.exited).toEqual({ code: 78, signal: null });
    // Of one that has not made its database yet, the directory is another.
    expect(daemon.stderr).toMatch(new RegExp(`${home.paths.data}(/holdfast\\.db)? was removed or replaced`));
    expect(statSync(home.paths.socket).ino).toBe(ino);
    expect((await home.client().system.health()).pid).toBe(next.pid);
    expect((await home.client().feeds.list()).items).toEqual([]);
  });

  it('ends when a link was put in the place of its state directory', async () => {
    await using begun = await begin();
    const { home, daemon } = begun;
    const state = dirname(home.paths.socket);
    rmSync(state, { recursive: true });
    mkdirSync(`${home.home}/elsewhere`, { mode: 0o700 });
    symlinkSync(`${home.home}/elsewhere`, state);
    expect(await daemon.exited).toEqual({ code: 78, signal: null });
    expect(daemon.stderr).toContain('is not a directory');
  });

  it('red control: leaves alone what nobody touched', async () => {
    await using begun = await begin();
    const { home, daemon } = begun;
    rmSync(home.paths.daemonFile);
    await until('it has looked', () => existsSync(home.paths.daemonFile));
    expect(daemon.log.some(({ msg }) => String(msg).includes('listening again'))).toBe(false);
  });
});
