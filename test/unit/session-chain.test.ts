import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { branch } from '../../daemon/store/resources/sessions/branches.ts';
import { readsOf } from '../helpers/reads.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Each fork of the one before, with a message of its own: as many branches as messages. Invariant: what a read of all of
// it costs grows with the chain, not with its square.

const app = 'a';
const length = 300;
const last = { app, id: `s${length}` };
const numbers = Array.from({ length }, (_, index) => index + 1);

describe('a chain of branches', () => {
  let store: TxStore;
  beforeAll(async () => {
    store = new TxStore();
    await store.run(
      async (tx, input, context) => {
        await sessions.create(tx, { ...input, id: 's1' }, context);
        for (const n of numbers) {
          const id = `s${n}`;
          if (n > 1) await sessions.fork(tx, { ...input, id: `s${n - 1}`, to: id }, context);
          await sessions.append(tx, { ...input, id, messages: [{ n }] }, context);
        }
      },
      { app },
    );
  });
  afterAll(() => store[Symbol.dispose]());

  const page = async () => {
    const { text } = await store.run(sessions.messages, { ...last, limit: 1000 });
    return (JSON.parse(text) as { items: { n: number }[] }).items.map(({ n }) => n);
  };
  const streamed = () => store.run((tx, input, context) => Array.fromAsync(sessions.stream(tx, input, context)), last);

  it('is read whole', async () => {
    expect(await page()).toEqual(numbers);
    const lines = (await streamed()).join('').trimEnd().split('\n');
    expect(lines.slice(0, -1).map((text) => (JSON.parse(text) as { n: number }).n)).toEqual(numbers);
  });

  it('is asked for each message in its own branch only', async () => {
    const reads = await readsOf(store, page);
    const asked = reads.flatMap(({ table, parameters }) =>
      table === 'log' ? (JSON.parse(String(parameters[1])) as number[]) : [],
    );
    expect(asked).toEqual(numbers);
  });

  it('is gone through once by a read of many slices', async () => {
    const find = vi.spyOn(store.tx, 'find');
    try {
      await streamed();
      const found = find.mock.calls.flatMap(([table, key]) =>
        table.name === branch.name ? [JSON.stringify(key)] : [],
      );
      expect(found).toHaveLength(length);
      expect(new Set(found).size).toBe(length);
    } finally {
      find.mockRestore();
    }
  });
});
