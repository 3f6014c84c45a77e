import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as limits from '../../daemon/store/resources/limits.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: in an interval nobody takes more than was there and came back; whatever a clock does, a caller waits for no
// more than the intervals that its tokens need.

const app = 'a';
const minute = 60_000;
let store: TxStore;
beforeEach(() => (store = new TxStore('2026-01-31T23:59:30Z')));
afterEach(() => store[Symbol.dispose]());

const put = (name: string, capacity: number, refill: number, intervalMs: number) =>
  store.run(limits.put, { app, name, capacity, refill, intervalMs });
const take = (name = 'episodes', n?: number) => store.run(limits.acquire, { app, name, ...(n !== undefined && { n }) });
/** Takes one by one until it is refused; answers how many that were. */
async function drain(name = 'episodes'): Promise<number> {
  for (let taken = 0; ; taken++) if (!(await take(name)).ok) return taken;
}

describe('P3.6: a limit', () => {
  it('gives what comes back at the end of each interval, counted from the first token taken', async () => {
    await put('l', 10, 4, minute);
    store.at += 5 * minute;
    expect(await drain('l')).toBe(10);
    store.at += minute - 1;
    expect(await take('l')).toEqual({ ok: false, remaining: 0, retryAfterMs: 1 });
    expect(await take('l', 9)).toEqual({ ok: false, remaining: 0, retryAfterMs: 2 * minute + 1 });
    store.at += 1;
    expect(await drain('l')).toBe(4);
    store.at += 2 * minute;
    expect(await take('l', 8)).toEqual({ ok: true, remaining: 0 });
    store.at += 100 * minute;
    expect(await drain('l')).toBe(10);
  });

  it('refuses the eleventh episode in a minute by default, at any moment of it', async () => {
    for (const later of [0, 1, 20_000, 20_000, 19_998]) {
      store.at += later;
      expect((await take('episodes', 2)).ok).toBe(true);
    }
    expect(await take()).toEqual({ ok: false, remaining: 0, retryAfterMs: 1 });
    store.at += 1;
    expect(await drain()).toBe(10);
  });

  it('takes all or nothing', async () => {
    await take('episodes', 7);
    expect(await take('episodes', 4)).toEqual({ ok: false, remaining: 3, retryAfterMs: minute });
    expect(await take('episodes', 3)).toEqual({ ok: true, remaining: 0 });
    await expect(take('episodes', 11)).rejects.toThrow("n must not exceed 10, which the limit 'episodes' holds.");
  });

  it('is good again after as long as it said', async () => {
    await put('l', 7, 3, 1000);
    for (let n = 1; n <= 7; n++) {
      await drain('l');
      const refused = await take('l', n);
      if (refused.ok) throw new Error('it was drained');
      store.at += refused.retryAfterMs - 1;
      expect((await take('l', n)).ok).toBe(false);
      store.at += 1;
      expect((await take('l', n)).ok).toBe(true);
    }
  });

  it.each(['an hour', 'ten years'])(
    'of a clock that is set back by %s waits one interval, and gives nothing away',
    async (by) => {
      await drain();
      store.at -= by === 'an hour' ? 60 * minute : 10 * 365 * 24 * 60 * minute;
      expect(await take()).toEqual({ ok: false, remaining: 0, retryAfterMs: minute });
      // Each refusal counts from the same moment.
      store.at += minute - 1;
      expect(await take()).toEqual({ ok: false, remaining: 0, retryAfterMs: 1 });
      store.at += 1;
      expect(await drain()).toBe(10);
    },
  );

  it('of a clock that was years ahead for a while is full once, and as always afterwards', async () => {
    await drain();
    const years = 10 * 365 * 24 * 60 * minute;
    store.at += years;
    expect(await drain()).toBe(10);
    store.at -= years;
    expect(await take()).toEqual({ ok: false, remaining: 0, retryAfterMs: minute });
    store.at += minute;
    expect(await drain()).toBe(10);
  });

  it('that is set anew has what was not taken', async () => {
    await put('l', 10, 10, minute);
    await take('l', 6);
    expect(await put('l', 20, 20, minute)).toMatchObject({ capacity: 20, remaining: 14 });
    expect(await put('l', 5, 5, minute)).toMatchObject({ capacity: 5, remaining: 0 });
    store.at += minute;
    expect(await drain('l')).toBe(5);
  });
});
