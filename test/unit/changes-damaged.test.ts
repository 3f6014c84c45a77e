import { copyFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldfastError } from '../../client/index.ts';
import { slice } from '../../daemon/store/changes.ts';
import { openReader } from '../../daemon/store/sqlite/connection.ts';
import { SqliteTx } from '../../daemon/store/sqlite/transaction.ts';
import type { Context, Tx } from '../../daemon/store/tx.ts';
import { blankRows } from '../integration/claudelet-cells.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: from wherever a reader begins, it is told each change that can be read once and in order, and of each that
// cannot be read that it is lost; and it comes to the end.

const count = 700;
const context = { epoch: 'e' } as Context;
let store: TxStore;

/** A call that makes so many changes, of which few lie on one page. */
const make = (many: number) =>
  store.run(async (tx: Tx) => {
    for (let n = 0; n < many; n++) await tx.change({ kind: 'x', id: 'x'.repeat(350) });
  }, {});

beforeAll(async () => {
  store = new TxStore();
  await make(100);
  await make(count - 100);
  store.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
});
afterAll(() => store[Symbol.dispose]());

/** The store, some pages of whose log are blank, and the positions that were on them. */
function damaged(name: string, from: number, to: number) {
  const path = `${store.db.location()}.${name}`;
  copyFileSync(store.db.location() ?? '', path);
  const lost = blankRows(path, 'log', from, to);
  return { tx: new SqliteTx(openReader(path)), lost };
}

/** What a reader is told that begins after a position: the changes, and the positions that are said to be lost. */
async function follow(tx: Tx, from: number) {
  const [told, lost]: [number[], number[]] = [[], []];
  let after = `e.${from}`;
  for (let steps = 0; after !== `e.${count}`; steps++) {
    if (steps > 100) throw new Error('it does not come to the end');
    try {
      const { changes, next } = await slice(tx, { after }, context);
      told.push(...changes.map(({ position }) => numberOf(position)));
      if (next === after) throw new Error(`it stands at ${after}`);
      after = next;
    } catch (error) {
      const { floor } = (error as HoldfastError).details ?? {};
      if (floor === undefined) throw error;
      for (let position = numberOf(after) + 1; position <= numberOf(floor); position++) lost.push(position);
      after = floor;
    }
  }
  return { told, lost };
}
const numberOf = (position: string) => Number(position.split('.')[1]);
const all = Array.from({ length: count }, (_, index) => index + 1);

describe('the change stream over', () => {
  it.each([
    ['a page', 350, 350],
    ['the first page', 1, 1],
    ['the page before the last', count - 12, count - 12],
    ['more pages than a slice has rows, with who made what comes after', 95, 420],
  ])('%s that cannot be read', async (name, from, to) => {
    const { tx, lost } = damaged(name, from, to);
    const [first = 0, last = 0] = [lost[0], lost.at(-1)];
    for (const after of [0, first - 2, first - 1, first, last - 1, last, last + 1].filter((place) => place >= 0)) {
      const wanted = all.filter((position) => position > after);
      expect({ after, ...(await follow(tx, after)) }).toEqual({
        after,
        told: wanted.filter((position) => !lost.includes(position)),
        lost: wanted.filter((position) => lost.includes(position)),
      });
    }
  });

  it('red control: nothing that cannot be read', async () => {
    const { tx } = damaged('sound', 0, 0);
    expect(await follow(tx, 0)).toEqual({ told: all, lost: [] });
  });
});
