import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: a summary is what the records add up to, archived or not, by whatever they are told apart.

type Dimension = 'day' | 'provider' | 'model' | 'operation' | 'session' | 'feed';
const dimensions: Dimension[] = ['day', 'provider', 'model', 'operation', 'session', 'feed'];
type Cost = Awaited<ReturnType<Client['costs']['record']>>;

/** What a summary must say of these records. */
function sumsOf(records: Cost[]) {
  const sum = (of: Cost[], value: (one: Cost) => number) => of.reduce((all, one) => all + value(one), 0);
  const archived = records.filter((one) => one.archived);
  return {
    records: records.length,
    unknown: sum(records, ({ costNanoUsd }) => (costNanoUsd === null ? 1 : 0)),
    inputTokens: sum(records, ({ inputTokens }) => inputTokens),
    outputTokens: sum(records, ({ outputTokens }) => outputTokens),
    knownNanoUsd: sum(records, ({ costNanoUsd }) => costNanoUsd ?? 0),
    archived: archived.length,
    archivedNanoUsd: sum(archived, ({ costNanoUsd }) => costNanoUsd ?? 0),
  };
}
const dayOf = ({ at }: Cost) => at.slice(0, 10);
const valueOf = (one: Cost, name: Dimension) => (name === 'day' ? dayOf(one) : one[name]);

describe('a summary of costs', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client({ app: 'summed' });
    // Every value is met with every other, none and unknown among them.
    const records = Array.from({ length: 400 }, (_, n) => ({
      usageId: `u${n}`,
      provider: `p${n % 3}`,
      model: `m${(n >> 1) % 4}`,
      operation: `o${(n >> 2) % 2}`,
      ...((n >> 3) % 3 > 0 && { session: `s${n % 7}` }),
      ...((n >> 4) % 3 > 0 && { feed: `f${n % 5}` }),
      inputTokens: n,
      outputTokens: n % 13,
      costNanoUsd: n % 6 === 0 ? null : n * 1000,
      at: new Date(Date.UTC(2025, 11, 28) + n * 3_600_000 + (n % 2) * 86_400_000).toISOString(),
    }));
    await Promise.all(records.map((record) => client.costs.record(record)));
  });
  afterAll(() => home[Symbol.asyncDispose]());

  async function stored(): Promise<Cost[]> {
    const lists = [false, true].map((archived) =>
      walk((cursor) => client.costs.list({ archived, limit: 1000, ...cursor })),
    );
    return (await Promise.all(lists)).flatMap((pages) => itemsOf(pages));
  }

  /** The summary must be what the records say. */
  async function check(
    by: Dimension[],
    filter: Partial<Record<Dimension | 'from' | 'to', string>> = {},
  ): Promise<void> {
    const { from = '', to = '~', ...fields } = filter;
    const fits = (one: Cost) =>
      dayOf(one) >= from &&
      dayOf(one) <= to &&
      Object.entries(fields).every(([name, value]) => valueOf(one, name as Dimension) === value);
    const records = (await stored()).filter(fits);
    const groups = [...Map.groupBy(records, (one) => JSON.stringify(by.map((name) => valueOf(one, name))))].map(
      ([values, of]) => ({
        ...Object.fromEntries((JSON.parse(values) as (string | null)[]).map((value, at) => [by[at] ?? '', value])),
        ...sumsOf(of),
      }),
    );
    const answer = await client.costs.summary({ by, ...filter });
    expect(answer).toEqual({
      total: sumsOf(records),
      groups: by.length === 0 ? [] : (expect.arrayContaining(groups) as object),
      damagedCount: 0,
    });
    if (by.length > 0) expect(answer.groups).toHaveLength(groups.length);
    // NUL is in no value, and comes before whatever is.
    const keys = answer.groups.map((group) => by.map((name) => group[name] ?? '').join('\0'));
    expect(keys).toEqual(keys.toSorted());
  }

  async function checkAll(): Promise<void> {
    await check([]);
    for (const name of dimensions) await check([name]);
    await check(['day', 'provider']);
    await check(['session', 'day', 'model'], { from: '2026-01-01', to: '2026-01-03' });
    await check(['provider', 'feed'], { session: 's3' });
    await check(['operation'], { feed: 'f2', model: 'm1', from: '2025-12-30' });
    await check(['day'], { to: '2025-12-01' });
  }

  it('is what its records say, by everything and over any days', async () => {
    expect(await stored()).toHaveLength(400);
    await checkAll();
  });

  it('counts what is archived too, and says how much of it that is', async () => {
    expect(await client.costs.clear({ from: '2025-12-30', to: '2025-12-31' })).toMatchObject({
      nextCursor: null,
      damagedCount: 0,
    });
    const archived = itemsOf(await client.costs.list({ archived: true, limit: 1000 }));
    expect(new Set(archived.map(({ at }) => at.slice(0, 10)))).toEqual(new Set(['2025-12-30', '2025-12-31']));
    await checkAll();
    // Late ones of these days are not archived.
    await client.costs.record({
      usageId: 'late',
      provider: 'p0',
      model: 'm0',
      operation: 'o0',
      costNanoUsd: 1,
      at: '2025-12-30T01:00:00Z',
    });
    await checkAll();
    expect((await client.costs.clear()).archived + archived.length).toBe(401);
    expect((await client.costs.list()).items).toEqual([]);
    await checkAll();
  });

  it('archives in slices, each in a write of its own', async () => {
    const app = 'sliced';
    const of = { app, provider: 'p', model: 'm', operation: 'o', costNanoUsd: 1, at: '2026-01-01T00:00:00Z' };
    const calls = Array.from({ length: 1000 }, (_, n) => ({
      op: 'costs.record' as const,
      app,
      input: { usageId: `u${n}`, ...of },
    }));
    await client.batch.run({ atomic: true, calls });
    await client.costs.record({ ...of, usageId: 'one-more' });
    const first = await client.costs.clear({ app });
    expect([first.archived, typeof first.nextCursor]).toEqual([1000, 'string']);
    expect((await client.costs.summary({ app })).total).toMatchObject({
      records: 1001,
      archived: 1000,
      archivedNanoUsd: 1000,
    });
    const foreign = client.costs.clear({ app, cursor: 'bm9uZQ' });
    expect((await refusal(foreign)).message).toMatch(/^cursor must be/);
    expect(await client.costs.clear({ app, cursor: first.nextCursor ?? '' })).toEqual({
      archived: 1,
      nextCursor: null,
      damagedCount: 0,
    });
  });

  it('says how many sums and records are damaged; the next record of a damaged sum makes it anew', async () => {
    const of = { provider: 'p', model: 'm', operation: 'o', at: '2026-01-01T00:00:00Z' };
    const app = 'damaged';
    for (const usageId of ['a', 'b', 'c']) await client.costs.record({ app, usageId, ...of, costNanoUsd: 5 });
    await client.costs.record({ app, usageId: 'other', ...of, provider: 'q', costNanoUsd: 7 });
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    db.exec("UPDATE cost SET nano_usd = 500 WHERE app = 'damaged' AND usage_id = 'b'");
    db.exec("UPDATE cost_sum SET nano_usd = 999 WHERE app = 'damaged' AND provider = 'p'");
    db.close();
    daemon = await home.start();
    const list = await client.costs.list({ app });
    expect([list.items.length, list.damagedCount]).toEqual([4, 1]);
    expect((await refusal(client.costs.record({ app, usageId: 'b', ...of, costNanoUsd: 5 }))).code).toBe('damaged');
    expect(await client.costs.summary({ app, by: ['provider'] })).toMatchObject({
      total: { records: 1, knownNanoUsd: 7 },
      groups: [{ provider: 'q' }],
      damagedCount: 1,
    });
    await client.costs.record({ app, usageId: 'd', ...of, costNanoUsd: 6 });
    // What the damaged record cost nobody knows any more.
    for (const by of [['provider'], ['session']] as const) {
      expect(await client.costs.summary({ app, by: [...by] })).toMatchObject({
        total: { records: 5, unknown: 1, knownNanoUsd: 23 },
        damagedCount: 0,
      });
    }
    expect(await client.costs.clear({ app })).toEqual({ archived: 4, nextCursor: null, damagedCount: 1 });
  });
});
