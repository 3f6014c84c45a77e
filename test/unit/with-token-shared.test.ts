import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { RefreshFunction } from '../../client/refresh.ts';
import { withTokenOf } from '../../client/with-token.ts';
import { failure, kept, refresh, refuse, Script, untilAborted } from '../helpers/scripted-auth.ts';
import { until } from '../helpers/wait.ts';

describe('calls at the same time', () => {
  it('share one refresh, of one profile; another profile has its own', async () => {
    const script = new Script({});
    const withToken = withTokenOf(script.auth);
    const call = refresh();
    await Promise.all(Array.from({ length: 10 }, () => withToken('p', call)));
    expect(call).toHaveBeenCalledTimes(1);
    await Promise.all([withToken('p', call), withToken('q', call)]);
    expect(call).toHaveBeenCalledTimes(3);
  });

  it('fail together, and the next call begins anew', async () => {
    const script = new Script({ token: [refuse('expired'), kept('access')] });
    const withToken = withTokenOf(script.auth);
    const call = vi.fn<RefreshFunction>(() => Promise.reject(new Error('down')));
    const errors = await Promise.all([failure(withToken('p', call)), failure(withToken('p', call))]);
    expect(errors.map((error) => (error as Error).message)).toEqual(['down', 'down']);
    expect(call).toHaveBeenCalledTimes(1);
    expect(await withToken('p', call)).toMatchObject({ accessToken: 'access' });
  });

  it('end their own waiting by their own signal; the last one ends the refresh, which is given back', async () => {
    const script = new Script({});
    const withToken = withTokenOf(script.auth);
    const call = untilAborted();
    const [first, second] = [new AbortController(), new AbortController()];
    const calls = [failure(withToken('p', call, first.signal)), failure(withToken('p', call, second.signal))];
    await until('the function is called', () => call.mock.calls.length > 0);
    first.abort(new Error('first went'));
    expect(await calls[0]).toMatchObject({ message: 'first went' });
    expect([call.mock.calls[0]?.[0].signal.aborted, script.of('failRefresh').length]).toEqual([false, 0]);
    second.abort(new Error('second went'));
    expect(await calls[1]).toMatchObject({ message: 'second went' });
    expect(call.mock.calls[0]?.[0].signal.aborted).toBe(true);
    // Before its caller is told: the process may end then.
    expect(script.of('failRefresh').map(({ input }) => input['reason'])).toEqual(['second went']);
    expect(script.of('failRefresh')[0]?.options.deadlineMs).toBeLessThanOrEqual(5000);
    expect(script.of('commitRefresh')).toEqual([]);
  });

  it('do not join a refresh that everybody left', async () => {
    const stuck = Promise.withResolvers<object>();
    const script = new Script({ token: [refuse('expired'), kept('access')], failRefresh: [() => stuck.promise] });
    const withToken = withTokenOf(script.auth);
    const gone = new AbortController();
    const call = untilAborted();
    const left = failure(withToken('p', call, gone.signal));
    await until('the function is called', () => call.mock.calls.length > 0);
    gone.abort(new Error('went'));
    await until('it is being given back', () => script.of('failRefresh').length > 0);
    expect(await withToken('p', refresh())).toMatchObject({ accessToken: 'access' });
    stuck.resolve({});
    expect(await left).toMatchObject({ message: 'went' });
  });

  it('leave nothing behind on a signal that outlives them', async () => {
    const { signal } = new AbortController();
    await withTokenOf(new Script({}).auth)('p', refresh(), { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('with a signal that is aborted already send nothing', async () => {
    const script = new Script({});
    const call = failure(withTokenOf(script.auth)('p', refresh(), AbortSignal.abort(new Error('went'))));
    expect(await call).toMatchObject({ message: 'went' });
    expect(script.seen).toEqual([]);
  });
});
