import { afterEach, beforeEach, expect, it } from 'vitest';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { branch } from '../../daemon/store/resources/sessions/branches.ts';
import { largestRead, readsOf } from '../helpers/reads.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: however much there is to remove, and however large, one call holds up the writer for a little of it.

const app = 'a';
const minute = 60_000;
const mebi = 1024 * 1024;
let store: TxStore;
beforeEach(() => (store = new TxStore()));
afterEach(() => store[Symbol.dispose]());

const sweepOnce = () => store.run(sessions.sweep, store.at);
const count = async (table: string) => Number((await store.query(`SELECT count(*) FROM ${table}`))[0]?.[0]);

/** Erased sessions, each made by `make` first. */
const erased = (ids: string[], make: (...about: Parameters<typeof sessions.create>) => Promise<unknown>) =>
  store.run(
    async (tx, input, context) => {
      for (const id of ids) {
        await make(tx, { ...input, id }, context);
        await sessions.delete(tx, { ...input, id, erase: true }, context);
      }
    },
    { app },
  );

/** Sweeps to the end, and answers how many rows of a table each call left. */
async function leftBy(table: string): Promise<number[]> {
  const left = [];
  for (let more = true; more; left.push(await count(table))) more = await sweepOnce();
  return left;
}

it('sessions with large metadata are read one by one, and leave a few at a time', async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
  const metadata = { text: 'x'.repeat(mebi - 100) };
  await erased(ids, (tx, input, context) => sessions.create(tx, { ...input, metadata }, context));
  let left: number[] = [];
  expect(await largestRead(store, async () => (left = await leftBy('session')))).toBeLessThan(2 * mebi);
  expect(left[0]).toBeGreaterThan(0);
  expect(left[0]).toBeLessThan(ids.length);
  expect(left.at(-1)).toBe(0);
});

it('the deliveries of many sessions leave a slice at a time', async () => {
  const ids = ['s', 't', 'u', 'v'];
  const messages = Array.from({ length: 600 }, () => ({}));
  await erased(ids, async (tx, input, context) => {
    await sessions.create(tx, input, context);
    await sessions.append(
      tx,
      { app, id: String(input.id), messages: structuredClone(messages), delivery: 'sent' },
      context,
    );
  });
  const left = [2400, ...(await leftBy('delivery'))];
  for (const [call, rows] of left.slice(1).entries()) expect((left[call] ?? 0) - rows).toBeLessThan(2000);
  expect(left.at(-1)).toBe(0);
});

it('branches are looked at for damage in slices, once a minute', async () => {
  await store.run(async (tx) => {
    for (let number = 10_000; number < 12_500; number++) {
      await tx.insert(branch, { branch: number, session_no: number, parent: null, base: 0, sweep_at: null });
    }
  }, {});
  const look = async (id: string) => {
    await erased([id], sessions.create);
    const reads = await readsOf(store, () => leftBy('session'));
    return reads.filter(({ table }) => table === 'branch').map(({ rows }) => rows.length);
  };
  const first = await look('first');
  expect(first.reduce((sum, rows) => sum + rows)).toBeGreaterThanOrEqual(2500);
  expect(Math.max(...first)).toBe(1000);
  store.at += minute;
  expect(Math.max(...(await look('second')))).toBe(1);

  store.db.exec('UPDATE branch SET base = 1 WHERE branch = 12499');
  store.at += minute;
  await expect(look('third')).rejects.toMatchObject({ code: 'damaged' });
  await expect(sweepOnce()).rejects.toMatchObject({ code: 'damaged' });
});
