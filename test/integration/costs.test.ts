import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { EventReader } from '../helpers/events.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { documented } from '../helpers/documented.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const usage = { provider: 'claude', model: 'opus', operation: 'chat', costNanoUsd: 1500 };

describe('costs', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (body: object, key?: string, app = 'test') =>
    send(home.paths.socket, 'POST', `/v1/apps/${app}/costs`, body, key === undefined ? {} : { 'idempotency-key': key });

  it('are recorded with all that was said, and the rest filled in', async () => {
    const metadata = { episode: 'Ünïcode', ['__proto__x']: [1, null] };
    const at = '2025-12-31T23:59:59.999Z';
    const given = { ...usage, usageId: 'all', session: 's', feed: 'f', inputTokens: 3, outputTokens: 4, metadata, at };
    expect(await client.costs.record(given)).toEqual({
      ...given,
      archived: false,
      revision: expect.any(String) as string,
    });
    const { at: now, ...least } = await client.costs.record({ ...usage, usageId: 'least', costNanoUsd: null });
    expect(least).toMatchObject({
      session: null,
      feed: null,
      inputTokens: 0,
      outputTokens: 0,
      costNanoUsd: null,
      metadata: {},
    });
    expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
  });

  it('P2.8: are told apart by usage id alone: once each, for ever', async () => {
    const app = 'ids';
    const first = await post({ ...usage, usageId: 'a' }, undefined, app);
    const equal = await post({ ...usage, usageId: 'b' }, undefined, app);
    expect([first.status, equal.status]).toEqual([201, 201]);
    // Under other keys, and after a kill: it is the id that counts.
    await daemon.end('SIGKILL');
    daemon = await home.start();
    const again = await post({ ...usage, usageId: 'a' }, 'other', app);
    expect([again.status, again.text, again.headers['etag']]).toEqual([200, first.text, first.headers['etag']]);
    await client.costs.clear({ app });
    expect((await post({ ...usage, usageId: 'a' }, undefined, app)).json).toMatchObject({ archived: true });
    expect((await client.costs.summary({ app })).total).toMatchObject({ records: 2, knownNanoUsd: 3000 });
  });

  it.each([
    ['cost', { costNanoUsd: 1501 }],
    ['cost, known before', { costNanoUsd: null }],
    ['model', { model: 'haiku' }],
    ['tokens', { inputTokens: 1 }],
    ['metadata', { metadata: { a: 1 } }],
    ['time', { at: '2020-01-01T00:00:00Z' }],
  ])('refuse the id of another record: other %s', async (_, other) => {
    await client.costs.record({ ...usage, usageId: 'taken' });
    expect((await refusal(client.costs.record({ ...usage, usageId: 'taken', ...other }))).code).toBe('exists');
  });

  it('are recorded once by key, with the first answer', async () => {
    const answers = [await post({ ...usage, usageId: 'keyed' }, 'k'), await post({ ...usage, usageId: 'keyed' }, 'k')];
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });

  it('name the field that is wrong', async () => {
    const wrong: [object, string][] = [
      [{ costNanoUsd: -1 }, 'costNanoUsd'],
      [{ costNanoUsd: 0.5 }, 'costNanoUsd'],
      [{ costNanoUsd: undefined }, 'costNanoUsd'],
      [{ costNanoUsd: 2 ** 53 }, 'costNanoUsd'],
      [{ usageId: '' }, 'usageId'],
      [{ provider: 'a\nb' }, 'provider'],
      [{ inputTokens: '1' }, 'inputTokens'],
      [{ at: '2025-01-01' }, 'at'],
    ];
    for (const [field, name] of wrong) {
      expect([name, wrongFields(await post({ ...usage, usageId: 'wrong', ...field }))]).toEqual([name, [name]]);
    }
  });

  it('refuse to raise a sum above what a number holds, and store nothing of it', async () => {
    const most = { ...usage, costNanoUsd: Number.MAX_SAFE_INTEGER };
    await client.costs.record({ app: 'most', usageId: 'a', ...most });
    const { code, message } = await refusal(client.costs.record({ app: 'most', usageId: 'b', ...most }));
    expect([code, message]).toEqual(['invalid_input', expect.stringContaining('costNanoUsd')]);
    expect(itemsOf(await client.costs.list({ app: 'most' }))).toHaveLength(1);
    expect((await client.costs.summary({ app: 'most' })).total.records).toBe(1);
  });

  it('are listed the newest first, by any of their fields and their days', async () => {
    const own = { app: 'listed' };
    for (let n = 0; n < 12; n++) {
      const at = new Date(Date.UTC(2026, 0, 1 + (n >> 2), 12, n % 3)).toISOString();
      const of = {
        provider: `p${n % 2}`,
        model: `m${n % 3}`,
        operation: 'o',
        ...(n === 5 && { session: 's', feed: 'f' }),
      };
      await client.costs.record({ ...own, usageId: `u${n}`, ...of, costNanoUsd: n, at });
    }
    type Input = Parameters<Client['costs']['list']>[0];
    const ids = async (filter: Input = {}) =>
      itemsOf(await walk((cursor) => client.costs.list({ ...own, limit: 5, ...filter, ...cursor }))).map(
        ({ usageId }) => usageId,
      );
    const all = await ids();
    expect(all.toSorted()).toEqual(Array.from({ length: 12 }, (_, n) => `u${n}`).toSorted());
    expect(await ids({ order: 'asc' })).toEqual(all.toReversed());
    expect(all.slice(0, 4).toSorted()).toEqual(['u10', 'u11', 'u8', 'u9']);
    expect(await ids({ session: 's' })).toEqual(['u5']);
    expect(await ids({ feed: 'f', provider: 'p0' })).toEqual([]);
    expect((await ids({ provider: 'p1', model: 'm0' })).toSorted()).toEqual(['u3', 'u9']);
    expect((await ids({ from: '2026-01-02', to: '2026-01-02' })).toSorted()).toEqual(['u4', 'u5', 'u6', 'u7']);
    expect((await refusal(client.costs.list({ from: '2026-1-2' }))).message).toMatch(/^from must be a day in UTC/);
  });

  it('are summed up in at most 10,000 groups; more are refused by name', async () => {
    const record = (...all: number[]) =>
      client.batch.run({
        atomic: true,
        calls: all.map((n) => ({
          op: 'costs.record',
          app: 'many',
          input: { usageId: `u${n}`, provider: 'p', model: 'm', operation: 'o', session: `s${n}`, costNanoUsd: 1 },
        })),
      });
    for (let n = 0; n < 10; n++) await record(...Array.from({ length: 1000 }, (_, index) => n * 1000 + index));
    expect((await client.costs.summary({ app: 'many', by: ['session'] })).groups).toHaveLength(10_000);
    await record(10_000);
    const { status, code } = await refusal(client.costs.summary({ app: 'many', by: ['session'] }));
    expect([status, code]).toEqual([413, 'too_large']);
    expect(documented('costs.summary')).toContain('413 too_large');
    expect((await client.costs.summary({ app: 'many', by: ['day'] })).total.records).toBe(10_001);
  });

  it('that exceed a budget are told once in the changes and in health, until it is raised', async () => {
    const own = { app: 'budgeted' };
    using reader = await EventReader.open(home.paths.socket, '?app=budgeted');
    const budget = { ...own, name: 'claude', provider: 'claude', period: 'total' } as const;
    const put = await client.budgets.put({ ...budget, limitNanoUsd: 2000, ifAbsent: true });
    for (const [n, provider] of ['gemini', 'claude', 'claude', 'claude'].entries()) {
      await client.costs.record({ ...own, ...usage, provider, usageId: `u${n}` });
      expect([n, (await client.system.health()).reasons]).toEqual([n, n < 2 ? [] : ['budget_exceeded']]);
    }
    const [listed] = itemsOf(await client.budgets.list(own));
    expect(listed).toMatchObject({ spentNanoUsd: 4500, unknown: 0, exceeded: true, revision: put.revision });
    expect((await client.system.health()).status).toBe('degraded');
    await until('all changes are told', () => reader.changes.filter(({ kind }) => kind === 'cost').length === 4);
    expect(reader.changes.filter(({ kind }) => kind === 'budget-exceeded')).toMatchObject([
      { id: 'claude', op: 'costs.record' },
    ]);
    const stale = client.budgets.put({ ...budget, limitNanoUsd: 1, expectedRevision: 'e.1' });
    expect((await refusal(stale)).code).toBe('stale');
    expect((await refusal(client.budgets.put({ ...budget, limitNanoUsd: 1, ifAbsent: true }))).code).toBe('exists');
    await client.budgets.put({ ...budget, limitNanoUsd: 4500 });
    expect((await client.system.health()).reasons).toEqual([]);
    await client.budgets.delete({ ...own, name: 'claude' });
    expect([
      (await client.budgets.list(own)).items,
      (await refusal(client.budgets.delete({ ...own, name: 'claude' }))).code,
    ]).toEqual([[], 'not_found']);
  });
});
