import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { cellsOf, flip, recordOf, type Part } from './claudelet-cells.ts';
import { copyOf, count, distinct, listed, makeStore, names, outcome, outcomes, sorts } from './claudelet-store.ts';

// Invariant: a damaged row of a stopped store is told by name. No session and no message leaves a list without a word,
// none is answered as if it had never been, and none is answered with other content.

const parts: Part[] = ['values', 'header'];

/** Flips bits in one row of each session: another byte in each, from the first of that part of a record to its last. */
function damageEach({ paths: { database } }: TestHome, table: string, part: Part, mask: number): void {
  const cells = cellsOf(database, table, table === 'log' ? "kind = 'message'" : undefined);
  const records = cells.map((cell) => recordOf(database, cell, part, table === 'delivery' ? 'sent' : ''));
  if (cells.length !== count || records.some(([from, to]) => to - from > count)) throw new Error('not every byte');
  const bytes = records.map(([from, to], n) => from + (n % (to - from)));
  flip(database, bytes, mask);
}

describe('Claudelet C3: damaged rows in a stopped store', () => {
  let original: TestHome;
  beforeAll(async () => {
    original = await makeStore();
  });
  afterAll(() => original[Symbol.asyncDispose]());

  /** A daemon on a store in which each session has another byte of that row damaged. */
  async function damaged(table: string, part: Part, mask: number) {
    const home = copyOf(original);
    damageEach(home, table, part, mask);
    const daemon = await home.start();
    return { daemon, client: home.client(), [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
  }

  describe.each([0x01, 0x80])('bits %i', (mask) => {
    describe.each(['session', 'session_head'].flatMap((table) => parts.map((part) => [table, part] as const)))(
      'of every byte of the row in %s, its %s',
      (table, part) => {
        let store: Awaited<ReturnType<typeof damaged>>;
        beforeAll(async () => {
          store = await damaged(table, part, mask);
        });
        afterAll(() => store[Symbol.asyncDispose]());

        it('GET answers 422 `damaged`', async () => {
          expect(await outcomes(store.client)).toEqual(['damaged']);
          expect(store.daemon.log.filter(({ status }) => status === 500)).toEqual([]);
        });

        it('the list never shrinks, and has each in its place', async () => {
          for (const sort of sorts) {
            const items = await listed(store.client, sort);
            expect(items.map(({ id }) => id).toSorted()).toEqual(names);
            expect(items.filter((item) => 'damaged' in item)).toHaveLength(count);
          }
        });
      },
    );

    it.each(parts)('of every byte of a message, its %s: in its place, or as it was', async (part) => {
      await using store = await damaged('log', part, mask);
      for (const id of names) {
        const { items, head, damagedCount } = await store.client.sessions.messages({ id });
        // Branch and seq are read from the index, so damage to them in the row changes nothing.
        const whole = { role: 'user', content: `hello ${id}`, seq: 1 };
        expect(items).toMatchObject([damagedCount === 1 ? { seq: 1, damaged: {} } : whole]);
        expect(head).toBe(1);
      }
    });

    it('of every byte of a draft: 422 `damaged`', async () => {
      await using store = await damaged('draft', 'values', mask);
      const calls = names.map((id) => outcome(store.client.drafts.get({ id })));
      expect(distinct(await Promise.all(calls))).toEqual(['damaged']);
    });

    // Its key is in the row itself: with another key it would be that of another message, and is not found.
    it('of every byte of a delivery but its key: the message is whole, its delivery is damaged in its place', async () => {
      await using store = await damaged('delivery', 'values', mask);
      for (const id of names) {
        const { items, deliveries } = await store.client.sessions.messages({ id });
        expect(items).toMatchObject([{ seq: 1, content: `hello ${id}` }]);
        expect(deliveries).toMatchObject([{ seq: 1, damaged: {} }]);
      }
    });
  });

  it('red control: rows that are not damaged are told as they are', async () => {
    await using store = await damaged('session', 'values', 0);
    expect(await outcomes(store.client)).toEqual(['answered']);
    const items = await listed(store.client, 'id');
    expect(items.filter((item) => 'damaged' in item)).toEqual([]);
  });
});
