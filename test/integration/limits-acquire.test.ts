import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal, refused } from '../helpers/refusal.ts';

type Answer = Awaited<ReturnType<Client['limits']['acquire']>>;
const hour = 3_600_000;
const module = join(import.meta.dirname, 'limit-process.ts');

describe('limits', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  async function race(name: string): Promise<Answer[]> {
    const env = { HOLDFAST_HOME: home.home };
    return (await Promise.all([1, 2, 3, 4].map(() => runProcess<Answer>(module, [name], env).done))).flat();
  }

  it('P3.6: of 4 processes that write episodes in one minute, ten get through and each other is told when to come', async () => {
    const answers = await race('episodes');
    const remaining = answers.flatMap((answer) => (answer.ok ? [answer.remaining] : []));
    expect(remaining.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const answer of answers) {
      if (answer.ok) continue;
      expect(answer.retryAfterMs).toBeGreaterThan(0);
      expect(answer.retryAfterMs).toBeLessThanOrEqual(60_000);
    }
  });

  it('red control: of a limit that is higher, more get through', async () => {
    await client.limits.put({ app: 'inkwell', name: 'pages', capacity: 11, intervalMs: hour });
    expect((await race('pages')).filter(({ ok }) => ok)).toHaveLength(11);
  });

  it('are taken of exactly once by key, over a kill too, and a refusal is an answer', async () => {
    await client.limits.put({ name: 'keyed', capacity: 2, intervalMs: hour });
    const acquire = (key: string) =>
      send(home.paths.socket, 'POST', '/v1/apps/test/limits/keyed/acquire', {}, { 'idempotency-key': key });
    const first = await acquire('one');
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect((await acquire('one')).text).toBe(first.text);
    expect((await acquire('two')).json).toEqual({ ok: true, remaining: 0 });
    const refusedOne = await acquire('three');
    expect([refusedOne.status, refusedOne.json]).toEqual([
      200,
      { ok: false, remaining: 0, retryAfterMs: expect.any(Number) as number },
    ]);
    await client.limits.put({ name: 'keyed', capacity: 4, intervalMs: hour });
    expect((await acquire('three')).text).toBe(refusedOne.text);
    expect((await acquire('four')).json).toMatchObject({ ok: true });
  });

  it('are set, guarded, listed in pages and removed', async () => {
    const own = { app: 'own' };
    const made = await client.limits.put({ ...own, name: 'a', capacity: 3, refill: 1, intervalMs: 1000 });
    expect(made).toMatchObject({ name: 'a', capacity: 3, refill: 1, intervalMs: 1000, remaining: 3 });
    const again = client.limits.put({ ...own, name: 'a', capacity: 3, intervalMs: 1, ifAbsent: true });
    expect((await refusal(again)).code).toBe('exists');
    const put = await client.limits.put({
      ...own,
      name: 'a',
      capacity: 5,
      intervalMs: hour,
      expectedRevision: made.revision,
    });
    expect(put).toMatchObject({ refill: 5, createdAt: made.createdAt });
    const stale = client.limits.put({ ...own, name: 'a', capacity: 9, intervalMs: 1, expectedRevision: made.revision });
    expect((await refusal(stale)).details.current).toBe(put.revision);
    // Taking is no change of the limit.
    await client.limits.acquire({ ...own, name: 'a', n: 2 });
    await client.limits.acquire({ ...own, name: 'episodes' });
    const items = itemsOf(await walk((cursor) => client.limits.list({ ...own, limit: 1, ...cursor })));
    expect(items.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['a', 3],
      ['episodes', 9],
    ]);
    expect(items[0]?.revision).toBe(put.revision);
    expect((await refusal(client.limits.delete({ ...own, name: 'a', expectedRevision: made.revision }))).code).toBe(
      'stale',
    );
    await client.limits.delete({ ...own, name: 'a', expectedRevision: put.revision });
    expect((await refusal(client.limits.delete({ ...own, name: 'a' }))).code).toBe('not_found');
    for (const name of ['a', '__proto__', 'toString']) {
      expect((await refusal(client.limits.acquire({ ...own, name }))).code).toBe('not_found');
    }
  });

  it('are taken of in an atomic batch with any other write, or not at all', async () => {
    const usage = { usageId: 'u', provider: 'p', model: 'm', operation: 'o', costNanoUsd: 7 };
    const calls = [
      { op: 'limits.acquire', app: 'batch', input: { name: 'episodes', n: 4 } },
      { op: 'feeds.put', app: 'batch', input: { name: 'f', url: 'https://example.org/' } },
      { op: 'costs.record', app: 'batch', input: usage },
      { op: 'feeds.rename', app: 'batch', input: { name: 'none', to: 'other' } },
    ];
    const { socket } = home.paths;
    const run = (all: object[]) => send(socket, 'POST', '/v1/batch', { atomic: true, calls: all });
    expect(refused(await run(calls))).toBe('404 not_found');
    expect([
      (await client.costs.list({ app: 'batch' })).items,
      (await client.limits.list({ app: 'batch' })).items,
    ]).toEqual([[], []]);
    expect((await run(calls.slice(0, 3))).status).toBe(200);
    expect((await client.costs.summary({ app: 'batch' })).total).toMatchObject({ records: 1, knownNanoUsd: 7 });
    expect(await client.limits.acquire({ app: 'batch', name: 'episodes', n: 6 })).toEqual({ ok: true, remaining: 0 });
  });
});
