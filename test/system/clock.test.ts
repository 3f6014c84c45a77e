import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, HoldfastError } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { FakeClock } from '../helpers/faketime.ts';
import { Load } from '../helpers/load.ts';
import { refusal } from '../helpers/refusal.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the wall clock says what time a record is of and what is over by then, nothing else. A clock that jumps, and is
// set right again, loses nothing, ends nothing for good, and leaves nobody locked out.

const day = 86_400_000;
const jumps: [string, number][] = [
  ['a day ahead', day],
  ['a day back', -day],
  ['ten years ahead', 3650 * day],
  ['back to 1970', day - Date.now()],
];
const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();

describe.each(jumps)('a wall clock that jumps %s, and is set right again', (_, jump) => {
  let home: TestHome;
  let clock: FakeClock;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    clock = new FakeClock(home);
    daemon = await home.start(clock.options);
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** Does something while the clock is wrong, and answers what came of it. */
  async function wrongly<T>(act: () => Promise<T>): Promise<T> {
    clock.set(jump);
    const { createdAt } = await client.sessions.create();
    // Else nothing was jumped over.
    expect(Math.abs(Date.parse(createdAt) - Date.now() - jump)).toBeLessThan(60_000);
    return act().finally(() => clock.set(0));
  }
  const oauth = (profile: string, expiresAt: string) =>
    client.auth.put({ profile, kind: 'oauth', accessToken: 'access', refreshToken: `refresh ${profile}`, expiresAt });
  /** Takes the right to refresh, and is not heard of again. */
  const grab = async (profile: string) => {
    const grant = await client.auth.refresh({ profile, leaseMs: 60_000, waitMs: 0, rejected: 'access' });
    if (grant.status !== 'granted') throw new Error('this token was refused');
    return grant.lease;
  };

  const make = () => client.sessions.create();
  const ofWork = () =>
    client.auth.token({ profile: 'work' }).then(
      () => 'good',
      () => 'over',
    );

  it('loses no write that was acknowledged, and answers a key again', async () => {
    await client.sessions.create({ id: 's' });
    const load = new Load(home.paths.socket, 's', 4);
    await until('writes are acknowledged', () => load.acknowledged.length > 50);
    const first = await client.feeds.put({ name: 'x', url: 'https://example.org/' }, { key: 'once' });
    const wrong = await wrongly(async () => {
      const begun = load.begun;
      await until('writes go on', () => load.acknowledgedAfter(begun).length > 50);
      return client.feeds.put({ name: 'x', url: 'https://example.org/' }, { key: 'once' });
    });
    const begun = load.begun;
    await until('writes go on', () => load.acknowledgedAfter(begun).length > 50);
    await load.stop();
    expect(wrong).toEqual(first);
    expect(await client.feeds.put({ name: 'x', url: 'https://example.org/' }, { key: 'once' })).toEqual(first);
    expect(load.outcomes.filter(({ status }) => status !== 201)).toEqual([]);
    expect(judge(load.acknowledged, await readBack(client, ['s']))).toEqual(clean);
  });

  it('leaves the holder of a session his lease, and locks nobody out', async () => {
    const { id } = await client.sessions.create();
    const other = await client.sessions.create();
    const { token } = await client.leases.acquire({ id, owner: 'holder' });
    const append = () => client.sessions.append({ id, lease: token, messages: [{ role: 'user' }] });
    await wrongly(async () => {
      expect((await append()).head).toBe(1);
      await client.leases.acquire({ id: other.id, owner: 'of the wrong time' });
      expect(await codeOf(client.sessions.append({ id: other.id, messages: [{}] }))).toBe('leased');
    });
    expect((await append()).head).toBe(2);
    expect(await codeOf(client.sessions.append({ id, messages: [{}] }))).toBe('leased');
    expect(await client.sessions.get({ id: other.id })).toMatchObject({ lease: null, leasedUntil: null });
    expect((await client.leases.acquire({ id: other.id, owner: 'next' })).owner).toBe('next');
  });

  it('leaves no refresh to a holder, nor to a failure, of the wrong time', async () => {
    for (const profile of ['held', 'failed']) await oauth(profile, soon(-1000));
    await wrongly(async () => {
      await grab('held');
      await client.auth.failRefresh({ profile: 'failed', lease: await grab('failed'), reason: 'no network' });
    });
    expect(await client.auth.get({ profile: 'held' })).toMatchObject({ refreshing: null, previousAttempt: 'unknown' });
    for (const profile of ['held', 'failed']) await grab(profile);
    // Red control: one of the right time is waited for.
    expect(await codeOf(grab('held'))).toBe('refreshing');
  });

  it('caozhiyuan/copilot-api#170: a token is over when the clock says so, and good again when that was wrong', async () => {
    await oauth('work', soon(3_600_000));
    expect([await ofWork(), await wrongly(ofWork), await ofWork()]).toEqual([
      'good',
      jump > 0 ? 'over' : 'good',
      'good',
    ]);
    // Five minutes before its end, as always.
    const ends: string[] = [];
    for (const left of [310_000, 290_000]) {
      clock.set(3_600_000 - left);
      ends.push(await ofWork());
    }
    clock.set(0);
    expect(ends).toEqual(['good', 'over']);
  });

  it('ends no wait: what was asked to take so long takes so long', async () => {
    await oauth('waited for', soon(-1000));
    await grab('waited for');
    const begun = performance.now();
    const waiting = client.auth.refresh({ profile: 'waited for', waitMs: 1500, rejected: 'access' }).then(
      ({ status }) => status,
      (error: HoldfastError) => error.code,
    );
    await until('it is asked', async () => (await client.system.health()).queueDepth === 0);
    // By then the grant that it waits for may be over, or no more be one, by the clock.
    expect(['granted', 'refreshing']).toContain(await wrongly(() => waiting));
    expect(performance.now() - begun).toBeGreaterThan(1400);
  });

  it('keeps the order of revisions and ids, and every session is listed once', async () => {
    const made = [await make(), await wrongly(make), await make()];
    const positions = made.map(({ revision }) => Number(revision.split('.')[1]));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const ids = made.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted());
    for (const sort of ['updatedAt', 'createdAt', 'id'] as const) {
      const { items } = await client.sessions.list({ sort, limit: 1000 });
      const listed = items.map(({ id }) => id);
      expect(listed).toHaveLength(new Set(listed).size);
      expect(listed).toEqual(expect.arrayContaining(ids));
    }
  });

  it('leaves the daemon well, and idle', async () => {
    const well = await wrongly(async () => {
      const before = [cpu(daemon.pid), performance.now()] as const;
      await until('a second has passed', () => performance.now() - before[1] > 1000);
      expect(cpu(daemon.pid) - before[0]).toBeLessThan(50);
      return client.system.health();
    });
    for (const health of [well, await client.system.health()]) {
      expect(health).toMatchObject({
        status: 'ok',
        reasons: [],
        pid: daemon.pid,
        queueDepth: 0,
        oldestUnansweredMs: 0,
      });
      expect(health.uptimeMs).toBeLessThan(600_000);
    }
    expect(daemon.log.filter(({ level, msg }) => Number(level) >= 50 && msg !== 'refused')).toEqual([]);
  });
});

/** Hundredths of a second that a process has worked. */
const cpu = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'latin1')
    .split(') ')[1]
    ?.split(' ')
    .slice(11, 13)
    .reduce((sum, n) => sum + Number(n), 0) ?? 0;
