import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { callApi, refreshAt } from '../helpers/issuer-client.ts';
import { login } from '../helpers/login.ts';
import {
  client,
  home,
  issuer,
  processes,
  profile,
  useProcesses,
  useRefreshHome,
  watchWaiting,
} from '../helpers/refresh-home.ts';
import { distinct } from '../helpers/refreshers.ts';
import { wrongFields } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a refresh that fails changes no token. All are told, one process asks the issuer again after a pause, and
// only a login ends what only a login can end.

const count = 20;
useRefreshHome();
useProcesses(count);

const order = () => ({ issuer: issuer.url, profile });
const isTold = (text: string) => expect.objectContaining({ message: expect.stringContaining(text) }) as unknown;
/** Waits for the end of the pause after failures. */
const recovered = () =>
  until(
    'the pause is over',
    () =>
      client.auth.withToken(profile, refreshAt(issuer.url)).then(
        () => true,
        () => false,
      ),
    30_000,
  );

describe('H6, acceptance 1: a failing issuer', () => {
  it('is asked by one of 20 processes, all are told, the old tokens are still there, and then it recovers', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    issuer.failing = true;
    const hold = issuer.hold({ requests: 1 });
    const waiting = await watchWaiting();
    const orders = processes.order(order());
    await waiting(count, count - 1);
    hold.release();
    const outcomes = await orders;
    expect(outcomes).toEqual(outcomes.map(() => isTold('the issuer answered 500 server_error')));
    expect(issuer.requests).toEqual([refreshToken]);
    expect(processes.granted).toHaveLength(1);
    expect(await client.auth.get({ profile })).toMatchObject({
      state: 'refresh_failed',
      reason: 'the issuer answered 500 server_error',
      holds: ['accessToken', 'refreshToken'],
      credentials: 'ok',
      refreshing: null,
      previousAttempt: 'failed',
    });
    issuer.failing = false;
    await recovered();
    expect(distinct(await processes.order(order()))).toEqual([{ token: expect.any(String) }]);
    expect([issuer.requests, issuer.refreshes]).toEqual([[refreshToken, refreshToken], 1]);
    expect(await client.auth.get({ profile })).toMatchObject({ state: 'ok', reason: null, previousAttempt: null });
  });

  it('is asked less and less often', async () => {
    await login(client, issuer, profile);
    const pauses: number[] = [];
    for (let failure = 1; failure <= 3; failure++) {
      const granted = await until('a grant', async () => {
        const reply = await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${profile}/refresh`, {});
        return reply.status === 200 && (reply.json as { lease: string });
      });
      await client.auth.failRefresh({ profile, lease: granted.lease, reason: 'no' });
      const refused = await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${profile}/refresh`, {});
      expect(refused).toMatchObject({ status: 503, json: { code: 'refresh_failed' } });
      pauses.push(Number(refused.headers['retry-after']));
    }
    expect(pauses).toEqual([1, 2, 4]);
  });

  it('does not take a token away that is still good', async () => {
    const { accessToken } = await login(client, issuer, profile, { lifetimeMs: 60_000 });
    issuer.failing = true;
    const outcomes = await processes.order({ ...order(), minValidMs: 300_000 });
    const served = outcomes.filter((outcome) => 'token' in outcome);
    expect(distinct(served)).toEqual([{ token: accessToken }]);
    expect(served.length).toBeGreaterThanOrEqual(count - 1);
    expect(await callApi(issuer.url, accessToken)).toBe(200);
    expect((await client.auth.get({ profile })).state).toBe('refresh_failed');
  });

  // The one that has the grant throws what the issuer said, though the token it has is still good for a minute.
  it('does not take a token that is still good from the process that asked the issuer', async () => {
    const { accessToken } = await login(client, issuer, profile, { lifetimeMs: 60_000 });
    issuer.failing = true;
    expect(distinct(await processes.order({ ...order(), minValidMs: 300_000 }))).toEqual([{ token: accessToken }]);
  });
});

describe('H6: a failure that only a login ends', () => {
  it('is told to all of 20 processes, the issuer is not asked again, and a put heals it', async () => {
    const expiresAt = '2020-01-01T00:00:00.000Z';
    await client.auth.put({ profile, kind: 'oauth', accessToken: 'old', refreshToken: 'not-known', expiresAt });
    const outcomes = await processes.order(order());
    expect(outcomes).toEqual(outcomes.map(() => isTold('invalid_grant')));
    expect(await client.auth.get({ profile })).toMatchObject({
      state: 'needs_login',
      holds: ['accessToken', 'refreshToken'],
      credentials: 'ok',
    });
    const again = await processes.order(order());
    expect(again).toEqual(again.map(() => ({ error: 'needs_login', message: expect.any(String) })));
    expect(issuer.requests).toHaveLength(1);

    const { refreshToken } = await login(client, issuer, profile);
    expect(distinct(await processes.order(order()))).toEqual([{ token: expect.any(String) }]);
    expect(issuer.requests.slice(1)).toEqual([refreshToken]);
  });
});

describe('H6: a put without a usable secret', () => {
  it.each([
    [{}, 'accessToken'],
    [{ accessToken: '' }, 'accessToken'],
    [{ accessToken: 'undefined' }, 'accessToken'],
    [{ accessToken: null }, 'accessToken'],
    [{ accessToken: 'good', refreshToken: '' }, 'refreshToken'],
    [{ accessToken: 'good', refreshToken: '[object Object]' }, 'refreshToken'],
  ])('of kind oauth with %j is 400 and changes nothing', async (fields, wrong) => {
    await login(client, issuer, profile, { lifetimeMs: 3_600_000 });
    const before = [await client.auth.get({ profile }), await client.auth.token({ profile })];
    const body = { kind: 'oauth', ...fields };
    expect(wrongFields(await send(home.paths.socket, 'PUT', `/v1/apps/test/auth/${profile}`, body))).toContain(wrong);
    expect([await client.auth.get({ profile }), await client.auth.token({ profile })]).toEqual(before);
  });
});
