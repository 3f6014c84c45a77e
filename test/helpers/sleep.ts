import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { root, TestHome } from './daemon.ts';
import { runProcess } from './processes.ts';
import { refusal } from './refusal.ts';
import { clean, judge, readBack } from './verdict.ts';
import { until } from './wait.ts';

const module = join(root, 'test', 'crash', 'sleep-process.ts');
const url = 'https://example.org/';

/** An application that appends once; `heard` resolves with its next word. It does not outlive the test that stopped it. */
function application({ home }: TestHome, writer: number, deadlineMs: number) {
  const { child, done } = runProcess<string>(module, [String(writer), String(deadlineMs)], { HOLDFAST_HOME: home });
  const heard = () => Promise.race([once(child, 'message'), done]);
  const end = async () => {
    child.kill('SIGKILL');
    await done.catch(() => undefined);
  };
  return { child, done, heard, [Symbol.asyncDispose]: end };
}

/**
 * A daemon that is stopped by SIGSTOP for so long, and applications beside it, some of them stopped too: as under a laptop
 * that sleeps, or Ctrl-Z. Checks all that must hold when they go on. What has a time of its own lasts a third of it.
 */
export async function sleepThrough(stoppedMs: number): Promise<void> {
  await using home = new TestHome();
  const daemon = await home.start();
  const client = home.client({ deadlineMs: stoppedMs + 60_000 });
  const third = Math.round(stoppedMs / 3);
  const ids = ['s', 'held', 'free'] as const;
  for (const id of ids) await client.sessions.create({ id });
  // Before any time begins: starting them takes as long as it takes.
  await using suspended = application(home, 100, third);
  await using patient = application(home, 101, stoppedMs + 60_000);
  await Promise.all([suspended.heard(), patient.heard()]);
  const lease = async (id: string) => (await client.leases.acquire({ id, owner: 'holder', ttlMs: third })).token;
  const [held, free] = [await lease('held'), await lease('free')];
  const oauth = (profile: string, ms: number) =>
    client.auth.put({
      profile,
      kind: 'oauth',
      accessToken: `access ${profile}`,
      refreshToken: `refresh ${profile}`,
      expiresAt: new Date(Date.now() + ms).toISOString(),
    });
  await oauth('ends meanwhile', 2 * third);
  await client.auth.token({ profile: 'ends meanwhile', minValidMs: 0 });
  for (const profile of ['late', 'waited for', 'asked for']) await oauth(profile, -1000);
  const grab = async (profile: string) => {
    const grant = await client.auth.refresh({ profile, leaseMs: Math.max(1000, third) });
    if (grant.status !== 'granted') throw new Error('this token has not ended');
    return grant.lease;
  };
  const [late] = [await grab('late'), await grab('waited for')];
  // Waits for the grant that nobody will answer, and hangs up while the daemon is stopped.
  const waiting = refusal(client.auth.refresh({ profile: 'waited for', waitMs: third - 1 }, { deadlineMs: third }));
  await until('it waits', async () => (await client.system.health()).queueDepth === 0);

  daemon.child.kill('SIGSTOP');
  const stopped = performance.now();
  for (const { child, heard } of [suspended, patient]) {
    const sent = heard();
    child.send('go');
    await sent;
    child.kill('SIGSTOP');
  }
  const writes = Array.from({ length: 20 }, (_, writer) =>
    home.client({ deadlineMs: stoppedMs + 60_000 }).sessions.append({ id: 's', messages: [{ writer, n: 1 }] }),
  );
  // One that cannot wait is told so, with who does not answer, and may say the same again.
  const hasty = () => home.client({ deadlineMs: 300 }).feeds.put({ name: 'x', url }, { key: 'hasty' });
  expect(await refusal(hasty())).toMatchObject({
    code: 'unavailable',
    retryable: true,
    message: expect.stringContaining(`(pid ${daemon.pid})`),
  });
  expect((await refusal(client.auth.refresh({ profile: 'asked for' }, { deadlineMs: 300 }))).code).toBe('unavailable');
  expect((await waiting).code).toBe('unavailable');
  await until('it was stopped for so long', () => performance.now() - stopped > stoppedMs, stoppedMs + 60_000);
  daemon.child.kill('SIGCONT');

  const stored = await Promise.all(writes);
  // The others have their answers only when they go on, long after their time.
  await until('all is stored', async () => (await client.sessions.get({ id: 's' })).head === 22, 60_000);
  for (const { child } of [suspended, patient]) child.kill('SIGCONT');
  expect([await suspended.done, await patient.done]).toEqual([
    ['ready', 'sent', 'stored'],
    ['ready', 'sent', 'stored'],
  ]);
  expect(new Set(stored.map(({ head }) => head)).size).toBe(20);
  const acknowledged = [...Array(20).keys(), 100, 101].map((writer) => ({ session: 's', writer, n: 1 }));
  expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);
  await hasty();
  expect((await client.feeds.list()).items).toMatchObject([{ name: 'x' }]);

  // Whoever held a lease that nobody took goes on; who was taken over from is told; neither is refused for the time.
  await client.sessions.append({ id: 'held', lease: held, messages: [{ role: 'user' }] });
  await client.leases.acquire({ id: 'free', owner: 'next' });
  const beaten = client.sessions.append({ id: 'free', lease: free, messages: [{ role: 'user' }] });
  expect((await refusal(beaten)).code).toBe('fenced');

  // Who slept over the end of a token, or of his right to refresh it, needs no login.
  expect((await refusal(client.auth.token({ profile: 'ends meanwhile', minValidMs: 0 }))).code).toBe('expired');
  expect((await client.auth.refresh({ profile: 'ends meanwhile', minValidMs: 0 })).status).toBe('granted');
  const tokens = { accessToken: 'new', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  expect(await client.auth.commitRefresh({ profile: 'late', lease: late, ...tokens })).toMatchObject({ state: 'ok' });
  // Nothing was given to those that had hung up.
  for (const profile of ['waited for', 'asked for']) {
    expect(await client.auth.get({ profile })).toMatchObject({ profile, refreshing: null });
    expect((await client.auth.refresh({ profile, waitMs: 0 })).status).toBe('granted');
  }

  await until('it is well', async () => (await client.system.health()).status === 'ok');
  expect(await client.system.health()).toMatchObject({ pid: daemon.pid, reasons: [], queueDepth: 0 });
}
