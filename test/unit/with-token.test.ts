import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { RefreshFunction } from '../../client/refresh.ts';
import { withTokenOf } from '../../client/with-token.ts';
import { refusal } from '../helpers/refusal.ts';
import { kept, refresh, refuse, Script, tokens, type Answer, type Verb } from '../helpers/scripted-auth.ts';

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
