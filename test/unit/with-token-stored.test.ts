import { describe, expect, it } from 'vitest';
import type { RefreshFunction } from '../../client/refresh.ts';
import { withTokenOf } from '../../client/with-token.ts';
import { refusal } from '../helpers/refusal.ts';
import { failure, granted, refresh, refuse, Script } from '../helpers/scripted-auth.ts';

describe('a refresh that failed stores nothing', () => {
  const fatal = Object.assign(new Error('gone'), { fatal: true });
  const invalidGrant = Object.assign(new Error('gone'), { code: 'invalid_grant' });
  it.each<[string, unknown, object]>([
    ['an error', new Error('issuer is down'), { reason: 'issuer is down', fatal: false }],
    ['an error that is fatal', fatal, { reason: 'gone', fatal: true }],
    ['invalid_grant', invalidGrant, { reason: 'gone', fatal: true }],
    ['a long text', new Error(`\0${'x'.repeat(1999)}😀`), { reason: `${'x'.repeat(1999)}\ufffd`, fatal: false }],
    ['a text', 'plain text', { reason: 'plain text', fatal: false }],
    ['nothing', undefined, { reason: 'undefined', fatal: false }],
    ['what is no text', Object.create(null), { reason: 'an error that is no text', fatal: false }],
    ['a message that is none', { message: Object.create(null) }, { reason: 'an error that is no text', fatal: false }],
  ])('because the function threw %s, which is thrown on', async (_, error, told) => {
    const late: RefreshFunction = async () => Promise.reject(error);
    const atOnce: RefreshFunction = () => {
      throw error;
    };
    for (const call of [late, atOnce]) {
      for (const answer of [{}, refuse('internal')]) {
        const script = new Script({ failRefresh: [answer] });
        expect(await failure(withTokenOf(script.auth)('p', call))).toBe(error);
        expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
        expect(script.of('failRefresh')[0]?.input).toEqual({
          profile: 'p',
          lease: 'lease-1',
          outcome: 'failed',
          ...told,
        });
      }
    }
  });

  it.each([undefined, null, {}, { accessToken: '' }, { accessToken: undefined }, { accessToken: 7 }, 'access', []])(
    'because of the partial answer %j',
    async (answer) => {
      const script = new Script({});
      const error = await refusal(withTokenOf(script.auth)('p', () => answer as never));
      expect(error).toMatchObject({ code: 'refresh_failed', message: expect.stringContaining('accessToken') });
      expect(script.verbs).toEqual(['token', 'refresh', 'failRefresh']);
      expect(script.of('failRefresh')[0]?.input).toMatchObject({
        reason: error.message,
        outcome: 'unknown',
        fatal: false,
      });
    },
  );

  it('because the daemon refused the tokens; if it is not known whether it did, the lease ends by itself', async () => {
    const refused = new Script({ commitRefresh: [refuse('invalid_input')] });
    expect(await refusal(withTokenOf(refused.auth)('p', refresh()))).toMatchObject({ code: 'invalid_input' });
    // Once more without what is not a token.
    expect(refused.verbs).toEqual(['token', 'refresh', 'commitRefresh', 'commitRefresh', 'failRefresh']);
    const unknown = new Script({ commitRefresh: [refuse('unavailable')] });
    expect(await refusal(withTokenOf(unknown.auth)('p', refresh()))).toMatchObject({ code: 'unavailable' });
    expect(unknown.verbs).toEqual(['token', 'refresh', 'commitRefresh']);
  });
});

describe('new tokens are stored', () => {
  it('again while the disk is full, with the same key', async () => {
    const script = new Script({ commitRefresh: [refuse('storage_full'), { current: true, expiresAt: null }] });
    expect(await withTokenOf(script.auth)('p', refresh())).toMatchObject({ accessToken: 'access-new' });
    expect(script.of('commitRefresh')).toHaveLength(2);
    const [first, second] = script.of('commitRefresh').map(({ options }) => options.key);
    expect([first, second]).toEqual([expect.any(String), first]);
  });

  it('until the lease ends, whatever becomes of the caller', async () => {
    const script = new Script({ refresh: [granted(120_000)] });
    await withTokenOf(script.auth)('p', refresh(), { signal: new AbortController().signal });
    const { options } = script.of('commitRefresh')[0] ?? {};
    expect(options?.signal).toBeUndefined();
    expect(options?.deadlineMs).toBeGreaterThan(100_000);
    expect(options?.deadlineMs).toBeLessThanOrEqual(120_000);
  });
});
