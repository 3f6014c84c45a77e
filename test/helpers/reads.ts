import { vi } from 'vitest';
import type { TxStore } from './tx-store.ts';

interface Read {
  table: string;
  parameters: unknown[];
  rows: object[];
}

/** What each `select` of a store was asked, and answered, while `work` ran. */
export async function readsOf({ tx }: TxStore, work: () => Promise<unknown>): Promise<Read[]> {
  const select = vi.spyOn(tx, 'select');
  try {
    await work();
    const { calls, results } = select.mock;
    return await Promise.all(
      calls.map(async ([{ name }, , ...parameters], call) => {
        const rows = (await (results[call]?.value as Promise<object[]> | undefined)) ?? [];
        return { table: name, parameters, rows };
      }),
    );
  } finally {
    select.mockRestore();
  }
}

/** Characters of the most that one read answered while `work` ran. */
export async function largestRead(store: TxStore, work: () => Promise<unknown>): Promise<number> {
  const reads = await readsOf(store, work);
  return Math.max(...reads.map(({ rows }) => JSON.stringify(rows).length));
}
