import { expect, it } from 'vitest';
import { epochOf, readMeta } from '../../daemon/store/meta.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: the epoch is another one exactly where the database is known to be another file than the one it was made for.

/** The epoch of a store, opened once with each of these times of birth, and what is noted then. */
async function opened(store: TxStore, births: (string | undefined)[]) {
  const found: [string, string | undefined][] = [];
  for (const born of births) {
    found.push(await store.run(async (tx) => [await epochOf(tx, born), await readMeta(tx, 'file')], {}));
  }
  return found;
}

it('stays while the birth of the file is unknown or the same, and a known one is noted', async () => {
  using store = new TxStore();
  const [[epoch] = []] = await opened(store, [undefined]);
  const notes = [undefined, '1', '1', '1', '1'];
  expect(await opened(store, [undefined, '1', '1', undefined, '1'])).toEqual(notes.map((file) => [epoch, file]));
});

it('is new once with each file that is known to be another, also of a store that is used', async () => {
  using store = new TxStore();
  const [first] = await opened(store, ['1']);
  await store.run((tx) => tx.change({ kind: 'toy', id: 'x' }), {});
  const found = await opened(store, ['2', '2', undefined, '1']);
  const [second, same, unknown, third] = found.map(([epoch]) => epoch);
  expect([same, unknown]).toEqual([second, second]);
  expect(new Set([first?.[0], second, third]).size).toBe(3);
  expect(found.map(([, file]) => file)).toEqual(['2', '2', '2', '1']);
});

it('red control: without an epoch a store that is used is damaged, whatever its file', async () => {
  using store = new TxStore();
  await opened(store, ['1']);
  await store.run((tx) => tx.change({ kind: 'toy', id: 'x' }), {});
  store.db.exec("DELETE FROM meta WHERE name = 'epoch'");
  await expect(opened(store, ['1'])).rejects.toThrow('it has no epoch, so it is damaged');
});
