import { afterEach, expect, it, vi } from 'vitest';
import { batchOperations } from '../../daemon/http/batch.ts';
import { limits, spend } from '../../daemon/http/restricted.ts';
import { createCounters } from '../../daemon/metrics/counters.ts';
import type { Store, StoreCall } from '../../daemon/store/store.ts';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';

afterEach(() => vi.restoreAllMocks());

/** A batch of calls that reach no store, as the restricted socket gives it. */
const run = (count: number) =>
  batchOperations({} as Store, createCounters()).run({
    name: 'batch.run',
    operation: contract.batch.run,
    app: '',
    input: { calls: Array.from({ length: count }, () => ({ op: 'none', input: {} })) },
    restricted: true,
    key: null,
  } as unknown as StoreCall);

/** How many calls are left now. */
function spendAll(): number {
  for (let count = 0; ; count++) {
    try {
      spend();
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'rate_limited') return count;
      throw error;
    }
  }
}

it('a batch is one call when it comes, and what more it holds is owed', async () => {
  let now = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  /** Goes on until so many more calls are allowed. */
  const later = (calls: number) => (now += (calls * 1000) / limits.perSecond);
  later(limits.burst);
  expect(spendAll()).toBe(limits.burst);
  later(1.5);
  spend();
  expect((await run(1)).status).toBe(200);
  expect(spendAll()).toBe(0);
  later(1);
  spend();
  expect((await run(11)).status).toBe(200);
  later(10);
  expect(spendAll()).toBe(0);
  later(5);
  expect(spendAll()).toBe(5);
});
