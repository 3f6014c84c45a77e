import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as budgets from '../../daemon/store/resources/budgets.ts';
import * as costs from '../../daemon/store/resources/costs.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: a budget counts what was used in the present period, whatever the clock was when it was recorded, and tells
// once a period that it is exceeded.

const app = 'a';
const hour = 3_600_000;
let store: TxStore;
let ids = 0;
beforeEach(() => (store = new TxStore('2026-01-31T22:00:00Z')));
afterEach(() => store[Symbol.dispose]());

const put = (name: string, period: 'day' | 'month' | 'total', limitNanoUsd: number) =>
  store.run(budgets.put, { app, name, period, limitNanoUsd });
const spend = (costNanoUsd: number | null, at?: string) => {
  const usage = { app, usageId: `u${++ids}`, provider: 'p', model: 'm', operation: 'o', costNanoUsd };
  return store.run(costs.record, { ...usage, ...(at !== undefined && { at }) });
};
/** What is spent of each budget, as `d 5`, with `!` when that is too much. */
async function spent(): Promise<string[]> {
  const { items } = await store.run(budgets.list, { app, limit: 100 });
  return items.map((item) =>
    'damaged' in item ? 'damaged' : `${item.name} ${item.spentNanoUsd}${item.exceeded ? '!' : ''}`,
  );
}
const told = async () => (await store.query("SELECT id FROM log WHERE kind = 'budget-exceeded'")).map(([id]) => id);
const isUnhealthy = () => store.run(budgets.reasons.budget_exceeded, store.at);

describe('a budget', () => {
  beforeEach(async () => {
    await put('d', 'day', 10);
    await put('m', 'month', 15);
    await put('t', 'total', 25);
  });

  it('counts anew with each period, by the record or without one, and tells once a period', async () => {
    await spend(10);
    expect([await spent(), await told(), await isUnhealthy()]).toEqual([['d 10', 'm 10', 't 10'], [], false]);
    await spend(1);
    await spend(1);
    expect([await spent(), await told(), await isUnhealthy()]).toEqual([['d 12!', 'm 12', 't 12'], ['d'], true]);
    store.at += 2 * hour;
    // February: nothing was recorded in it yet.
    expect([await spent(), await told(), await isUnhealthy()]).toEqual([['d 0', 'm 0', 't 12'], ['d'], false]);
    await spend(11);
    expect([await spent(), await told(), await isUnhealthy()]).toEqual([['d 11!', 'm 11', 't 23'], ['d', 'd'], true]);
    store.at += 24 * hour;
    await spend(9);
    expect([await spent(), await told()]).toEqual([
      ['d 9', 'm 20!', 't 32!'],
      ['d', 'd', 'm', 't'],
    ]);
    store.at += 48 * hour;
    expect([await spent(), await isUnhealthy()]).toEqual([['d 0', 'm 20!', 't 32!'], true]);
  });

  it('counts a record in the period of its use, not of its recording', async () => {
    await spend(11, '2026-01-30T23:59:59.999Z');
    expect([await spent(), await told()]).toEqual([['d 0', 'm 11', 't 11'], []]);
    await spend(5, '2026-02-01T00:00:00Z');
    expect([await spent(), await told()]).toEqual([['d 0', 'm 11', 't 16'], []]);
    store.at += 2 * hour;
    expect(await spent()).toEqual(['d 5', 'm 5', 't 16']);
  });

  it('is right again when a clock was wrong for a while, forth or back', async () => {
    await spend(4);
    const now = store.at;
    for (const wrong of [now + 1000 * 24 * hour, now - 1000 * 24 * hour]) {
      store.at = wrong;
      await spend(1);
      expect(await spent()).toMatchObject(['d 1', 'm 1', expect.any(String)]);
      store.at = now;
      await spend(1);
    }
    expect([await spent(), await told()]).toEqual([['d 6', 'm 6', 't 8'], []]);
  });

  it('that is raised is exceeded no more, and tells again when it is once more', async () => {
    await spend(11);
    expect(await put('d', 'day', 20)).toMatchObject({ exceeded: false, spentNanoUsd: 11 });
    expect(await isUnhealthy()).toBe(false);
    await spend(10);
    expect([await told(), await isUnhealthy()]).toEqual([['d', 'd', 'm'], true]);
    // Lowered: it is exceeded all the same, and that was told.
    await put('d', 'day', 5);
    expect(await told()).toEqual(['d', 'd', 'm']);
    // Below what is spent already, as it is made.
    await put('new', 'month', 1);
    expect(await told()).toEqual(['d', 'd', 'm', 'new']);
  });
});
