import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RefreshFunction } from '../../client/refresh.ts';
import { withTokenOf } from '../../client/with-token.ts';
import { refusal } from '../helpers/refusal.ts';
import { granted, kept, refresh, refuse, Script, tokens, type Answer, type Verb } from '../helpers/scripted-auth.ts';

describe('a token', () => {
  it('that is good takes one read', async () => {
    const script = new Script({ token: [kept('access')] });
    const token = await withTokenOf(script.auth)('p', refresh());
    expect(token).toMatchObject({ accessToken: 'access', expiresAt: kept('access').expiresAt });
    expect(script.verbs).toEqual(['token']);
  });

  it('that has expired is refreshed and stored, and what else the function says is not sent', async () => {
    const script = new Script({ commitRefresh: [{ current: true, expiresAt: '2031-01-01T00:00:00.000Z' }] });
    const call = vi.fn<RefreshFunction>(async () => ({ ...tokens, token_type: 'Bearer' }));
    const token = await withTokenOf(script.auth)('p', call, { waitMs: 1000, leaseMs: 60_000, minValidMs: 5 });
    expect(token).toMatchObject({ accessToken: 'access-new', expiresAt: '2031-01-01T00:00:00.000Z' });
    expect(call.mock.calls[0]?.[0]).toMatchObject({ refreshToken: 'refresh-old', previousAttempt: 'unknown' });
    expect(script.seen.map(({ verb, input }) => [verb, input])).toEqual([
      ['token', { profile: 'p', minValidMs: 5 }],
      ['refresh', { profile: 'p', minValidMs: 5, waitMs: 1000, leaseMs: 60_000 }],
      ['commitRefresh', { profile: 'p', lease: 'lease-1', ...tokens }],
    ]);
  });

  it('that another process refreshes is waited for, longer than the daemon lets it wait', async () => {
    const script = new Script({ refresh: [{ status: 'fresh', accessToken: 'theirs', expiresAt: null }] });
    const call = refresh();
    expect(await withTokenOf(script.auth)('p', call, { waitMs: 50_000 })).toMatchObject({ accessToken: 'theirs' });
    expect(script.of('refresh')[0]?.options.deadlineMs).toBeGreaterThan(50_000);
    expect(call).not.toHaveBeenCalled();
  });

  it('is not shown by debug output, nor is what the function is given', async () => {
    const given: unknown[] = [];
    const token = await withTokenOf(new Script({}).auth)('p', (grant) => (given.push(grant), tokens));
    expect(inspect(token)).toContain("accessToken: '[secret]'");
    expect(inspect(given)).toContain("refreshToken: '[secret]'");
    expect(JSON.parse(JSON.stringify(token))).toEqual({ accessToken: 'access-new', expiresAt: null });
  });

  it.each(['not_found', 'needs_login', 'refresh_failed', 'key_missing'] as const)('%s is told', async (code) => {
    const script = new Script({ token: [refuse(code)] });
    expect(await refusal(withTokenOf(script.auth)('p', refresh()))).toMatchObject({ code });
    expect(script.verbs).toEqual(['token']);
  });
});

describe('a credential that was replaced during the refresh', () => {
  it.each<[string, Partial<Record<Verb, Answer[]>>]>([
    ['so the tokens are not current', { commitRefresh: [{ current: false, expiresAt: null }] }],
    ['so the commit came too late', { commitRefresh: [refuse('lease_expired')] }],
    ['before the grant arrived', { refresh: [refuse('lease_expired')] }],
  ])('%s: what is there now is read', async (_, answers) => {
    const script = new Script({ ...answers, token: [refuse('expired'), kept('theirs')] });
    expect(await withTokenOf(script.auth)('p', refresh())).toMatchObject({ accessToken: 'theirs' });
    expect(script.verbs.filter((verb) => verb === 'failRefresh')).toEqual([]);
  });

  it('is given up on after three times', async () => {
    const script = new Script({ commitRefresh: [{ current: false, expiresAt: null }] });
    expect(await refusal(withTokenOf(script.auth)('p', refresh()))).toMatchObject({ code: 'stale' });
    expect(script.of('refresh')).toHaveLength(3);
  });
});

describe('a token that was refused', () => {
  afterEach(() => vi.useRealTimers());

  it('is replaced once, and then only a login helps', async () => {
    const script = new Script({ token: [kept('access')] });
    const call = refresh();
    const second = await (await withTokenOf(script.auth)('p', call)).rejected();
    expect(second.accessToken).toBe('access-new');
    expect(script.of('refresh')[0]?.input).toMatchObject({ rejected: 'access' });
    const before = script.seen.length;
    expect(await refusal(second.rejected())).toMatchObject({ code: 'needs_login' });
    expect([script.seen.length, call.mock.calls.length]).toEqual([before, 1]);
  });

  // One that came expired would be replaced without end, and the issuer asked each time.
  it.each([
    [60_000, 'is replaced again when it was good until it was over', 2],
    [-60_000, 'is not when it was over as it came', 1],
  ])('in place of another one, that ends in %i ms, %s', async (lastsMs, _, refreshes) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const expiresAt = new Date(Date.now() + lastsMs).toISOString();
    const token = [kept('access'), kept('access'), kept('access-new')];
    const script = new Script({ token, refresh: [granted(600_000)], commitRefresh: [{ current: true, expiresAt }] });
    const call = refresh();
    const second = await (await withTokenOf(script.auth)('p', call)).rejected();
    vi.setSystemTime(Date.now() + 120_000);
    const third = await second.rejected().catch((error: unknown) => error);
    expect(third).toMatchObject(refreshes === 2 ? { accessToken: 'access-new' } : { code: 'needs_login' });
    expect(call).toHaveBeenCalledTimes(refreshes);
  });

  it('and is no longer the kept one takes no refresh', async () => {
    const script = new Script({ token: [kept('access'), kept('theirs')] });
    const token = await withTokenOf(script.auth)('p', refresh());
    expect(await token.rejected()).toMatchObject({ accessToken: 'theirs' });
    expect(script.verbs).toEqual(['token', 'token']);
  });

  it('is refreshed once for all requests that were refused', async () => {
    const script = new Script({ token: [kept('access')] });
    const call = refresh();
    const token = await withTokenOf(script.auth)('p', call);
    const all = await Promise.all(Array.from({ length: 5 }, () => token.rejected()));
    expect(new Set(all.map(({ accessToken }) => accessToken))).toEqual(new Set(['access-new']));
    expect(call).toHaveBeenCalledTimes(1);
  });

  it('and is an API key: only another key helps', async () => {
    const script = new Script({ token: [{ kind: 'api-key', apiKey: 'key', expiresAt: null }] });
    const token = await withTokenOf(script.auth)('p', refresh());
    expect(token).toMatchObject({ accessToken: 'key', expiresAt: null });
    expect(await refusal(token.rejected())).toMatchObject({ code: 'needs_login' });
    expect(script.verbs).toEqual(['token']);
  });
});

describe('without a refresh function', () => {
  it('a token that needs none is answered, and one that does is refused before a grant is taken', async () => {
    const script = new Script({ token: [{ kind: 'api-key', apiKey: 'key', expiresAt: null }, refuse('expired')] });
    const withToken = withTokenOf(script.auth);
    expect(await withToken('p')).toMatchObject({ accessToken: 'key' });
    const error = await refusal(withToken('p'));
    expect([error.code, error.details.errors?.[0]?.path]).toEqual(['invalid_input', 'refresh']);
    expect(script.verbs).toEqual(['token', 'token']);
  });

  it('a call does not take one that asks the same with a function along', async () => {
    const withToken = withTokenOf(new Script({}).auth);
    const [refused, token] = await Promise.all([refusal(withToken('p')), withToken('p', refresh())]);
    expect([refused.code, token.accessToken]).toEqual(['invalid_input', 'access-new']);
  });
});
