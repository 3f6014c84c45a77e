import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RefreshFunction } from '../../client/refresh.ts';
import { withTokenOf } from '../../client/with-token.ts';
import { failure, granted, refresh, Script, tokens, untilAborted } from '../helpers/scripted-auth.ts';

const begin = async (call = untilAborted(), grant = granted()) => {
  const script = new Script({ refresh: [grant] });
  const ended = failure(withTokenOf(script.auth)('p', call));
  await vi.advanceTimersByTimeAsync(0);
  return { script, ended, given: call.mock.calls[0]?.[0] };
};

describe('the end of the lease', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => vi.useRealTimers());

  it('aborts the function ten seconds before', async () => {
    const { script, ended, given } = await begin();
    await vi.advanceTimersByTimeAsync(109_900);
    expect(given?.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(given?.signal.aborted).toBe(true);
    expect(await ended).toMatchObject({ code: 'refresh_failed', message: expect.stringContaining('lease') });
    expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is seen within a second after a sleep in which no timer ran', async () => {
    const { ended, given } = await begin();
    const plain = vi.fn<() => void>();
    const timer = setTimeout(plain, 110_000);
    vi.setSystemTime(Date.now() + 200_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(given?.signal.aborted).toBe(true);
    // A timer over the whole time would still wait.
    expect(plain).not.toHaveBeenCalled();
    clearTimeout(timer);
    await ended;
  });

  it('ends the wait for a function that does not listen, and stores its answer when it comes after all', async () => {
    const late = Promise.withResolvers<typeof tokens>();
    const { script, ended } = await begin(vi.fn<RefreshFunction>(() => late.promise));
    await vi.advanceTimersByTimeAsync(110_000);
    expect(await ended).toMatchObject({ code: 'refresh_failed' });
    expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
    // The issuer has taken the old token back by then.
    late.resolve(tokens);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh', 'commitRefresh']);
  });

  it('ends the wait for a function whose answer comes late and is not whole: nothing is stored', async () => {
    const late = Promise.withResolvers<typeof tokens>();
    const { script, ended } = await begin(vi.fn<RefreshFunction>(() => late.promise));
    await vi.advanceTimersByTimeAsync(110_000);
    expect(await ended).toMatchObject({ code: 'refresh_failed' });
    late.resolve({ accessToken: '' } as typeof tokens);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
  });

  it('may be so near that the function is not called at all', async () => {
    const call = refresh();
    const { script, ended } = await begin(call, granted(9_000));
    expect(await ended).toMatchObject({ code: 'refresh_failed' });
    expect(call).not.toHaveBeenCalled();
    expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
  });

  it('leaves half of a short lease to the function', async () => {
    const call = untilAborted();
    const script = new Script({ refresh: [granted(4000)] });
    const ended = failure(withTokenOf(script.auth)('p', call, { leaseMs: 4000 }));
    await vi.advanceTimersByTimeAsync(1999);
    expect(call.mock.calls[0]?.[0].signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await ended).toMatchObject({ code: 'refresh_failed' });
  });

  it('may be over when the function has answered in a sleep: that is stored late, if the daemon takes it', async () => {
    const slept = vi.fn<RefreshFunction>(async () => {
      vi.setSystemTime(Date.now() + 200_000);
      return tokens;
    });
    const { script, ended } = await begin(slept);
    expect(await ended).toBeUndefined();
    expect(script.of('commitRefresh')[0]?.options.deadlineMs).toBe(10_000);
  });

  it('is no longer watched when the function has answered', async () => {
    await withTokenOf(new Script({}).auth)('p', refresh());
    expect(vi.getTimerCount()).toBe(0);
  });
});
