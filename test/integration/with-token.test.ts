import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client, RefreshFunction, Token } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Issuer } from '../helpers/issuer.ts';
import { callApi, refreshAt } from '../helpers/issuer-client.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

let home: TestHome;
let client: Client;
let issuer: Issuer;
let refresh: RefreshFunction;
let profile = '';
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client();
});
beforeEach(async ({ task }) => {
  profile = task.id;
  issuer = await Issuer.listen();
  refresh = refreshAt(issuer.url);
});
afterEach(() => issuer[Symbol.asyncDispose]());
afterAll(() => home[Symbol.asyncDispose]());

/** Stores the tokens of a new login whose access token has ended, unless said otherwise. */
async function login(lifetimeMs = -1000, to = client) {
  const { accessToken, refreshToken } = issuer.issue({ lifetimeMs });
  const expiresAt = new Date(Date.now() + lifetimeMs).toISOString();
  await to.auth.put({ profile, kind: 'oauth', accessToken, refreshToken, expiresAt });
  return { accessToken, refreshToken };
}
const failure = (call: Promise<unknown>) => call.then(() => undefined).catch((error: unknown) => error);
const stateOf = async () => (await client.auth.get({ profile })).state;

describe('client.auth.withToken', () => {
  it('gives the stored token while it is good, without a request to the issuer', async () => {
    const { accessToken } = await login(3_600_000);
    expect(await client.auth.withToken(profile, refresh)).toMatchObject({ accessToken, expiresAt: expect.any(String) });
    expect(issuer.requests).toEqual([]);
  });

  it('refreshes an expired token once for many callers and clients, who all get the new one', async () => {
    const { refreshToken } = await login();
    const clients = Array.from({ length: 4 }, () => home.client());
    const calls = clients.flatMap(({ auth }) => Array.from({ length: 3 }, () => auth.withToken(profile, refresh)));
    const tokens = new Set((await Promise.all(calls)).map(({ accessToken }) => accessToken));
    expect(tokens.size).toBe(1);
    expect(issuer.requests).toEqual([refreshToken]);
    for (const accessToken of tokens) expect(await callApi(issuer.url, accessToken)).toBe(200);
    // The next one takes the rotated refresh token: it was stored.
    await (await client.auth.withToken(profile, refresh)).rejected();
    expect([issuer.refreshes, issuer.reused]).toEqual([2, []]);
  });

  it('keeps the refresh token of an issuer that sends none', async () => {
    const { refreshToken } = await login();
    issuer.omitRefreshToken = true;
    const token = await client.auth.withToken(profile, refresh);
    await token.rejected();
    expect(issuer.requests).toEqual([refreshToken, refreshToken]);
  });

  it('gets a new token for one that was revoked before its time, and no third one', async () => {
    const { accessToken } = await login(3_600_000);
    const first = await client.auth.withToken(profile, refresh);
    issuer.revoke(accessToken);
    expect(await callApi(issuer.url, first.accessToken)).toBe(401);
    const second = await first.rejected();
    expect(await callApi(issuer.url, second.accessToken)).toBe(200);
    expect(await refusal(second.rejected())).toMatchObject({ code: 'needs_login' });
    expect(issuer.refreshes).toBe(1);
  });

  it('gives an API key, which nothing refreshes', async () => {
    await client.auth.put({ profile, kind: 'api-key', apiKey: 'sk-0123456789' });
    const token = await client.auth.withToken(profile, refresh);
    expect(token).toMatchObject({ accessToken: 'sk-0123456789', expiresAt: null });
    expect(await refusal(token.rejected())).toMatchObject({ code: 'needs_login' });
  });

  it('tells why a refresh failed, keeps the tokens, and says so to the next caller', async () => {
    const { refreshToken } = await login();
    issuer.failing = true;
    expect(await failure(client.auth.withToken(profile, refresh))).toMatchObject({
      message: 'the issuer answered 500 server_error',
    });
    expect(await stateOf()).toBe('refresh_failed');
    issuer.failing = false;
    await until(
      'the pause after the failure is over',
      async () => (await failure(client.auth.withToken(profile, refresh))) === undefined,
    );
    expect(await stateOf()).toBe('ok');
    expect([new Set(issuer.requests), issuer.reused]).toEqual([new Set([refreshToken]), []]);
  });

  it('asks for a login when the issuer says that only that helps', async () => {
    const { accessToken } = issuer.issue();
    await client.auth.put({
      profile,
      kind: 'oauth',
      accessToken,
      refreshToken: 'unknown-to-the-issuer',
      expiresAt: '2020-01-01T00:00:00.000Z',
    });
    expect(await failure(client.auth.withToken(profile, refresh))).toMatchObject({ fatal: true });
    expect(await stateOf()).toBe('needs_login');
    expect(await refusal(client.auth.withToken(profile, refresh))).toMatchObject({ code: 'needs_login' });
    expect(issuer.requests).toHaveLength(1);
  });

  it.each([{}, { accessToken: 'undefined' }])('stores nothing of the answer %j', async (answer) => {
    await login();
    const error = await refusal(client.auth.withToken(profile, () => answer as never));
    expect(['refresh_failed', 'invalid_input']).toContain(error.code);
    expect(await client.auth.get({ profile })).toMatchObject({
      state: 'refresh_failed',
      reason: error.message,
      holds: ['accessToken', 'refreshToken'],
      refreshing: null,
      // The issuer has carried it out, as far as anybody knows.
      previousAttempt: 'unknown',
    });
  });

  it('gives the grant back when its caller stops waiting, so that others can go on', async () => {
    await login();
    const hold = issuer.hold();
    const stop = new AbortController();
    const call = failure(client.auth.withToken(profile, refresh, stop.signal));
    await hold.arrived;
    expect((await client.auth.get({ profile })).refreshing).toMatchObject({ pid: process.pid });
    stop.abort(new Error('stopped'));
    expect(await call).toMatchObject({ message: 'stopped' });
    expect(await client.auth.get({ profile })).toMatchObject({ refreshing: null, reason: 'stopped' });
    hold.drop();
  });

  it('takes the credential that replaced the one it was refreshing', async () => {
    await login();
    const hold = issuer.hold();
    const call = client.auth.withToken(profile, refresh);
    await hold.arrived;
    const { accessToken } = await login(3_600_000);
    hold.release();
    expect(await call).toMatchObject({ accessToken });
  });
});

/** Lets `first` go to the issuer, whose answer arrives when the daemon is dead, and then starts another daemon. */
async function killed(first: (own: Client) => Promise<unknown>) {
  await using other = new TestHome();
  const daemon = await other.start();
  const own = other.client();
  const { refreshToken } = await login(-1000, own);
  const hold = issuer.hold({ at: 'answer', requests: 1 });
  const call = first(own);
  await hold.arrived;
  await daemon.end('SIGKILL');
  hold.release();
  await other.start();
  const outcome = await call;
  const next = await failure(own.auth.withToken(profile, refresh));
  return { outcome, next, given: issuer.requests.filter((token) => token === refreshToken).length };
}

describe('a daemon that is killed while the issuer answers', () => {
  it('stores the new tokens when it is back', async () => {
    const { outcome, next, given } = await killed((own) => own.auth.withToken(profile, refresh));
    expect(await callApi(issuer.url, (outcome as Token).accessToken)).toBe(200);
    expect([next, given, issuer.reused]).toEqual([undefined, 1, []]);
  });

  it('loses the login if nobody does, so the test above would see it', async () => {
    const { next, given } = await killed(async (own) => {
      const answer = await own.auth.refresh({ profile, leaseMs: 1000 });
      if (answer.status === 'granted') await refresh({ ...answer, signal: new AbortController().signal });
    });
    expect(next).toMatchObject({ fatal: true });
    expect([given, issuer.reused.length]).toEqual([2, 1]);
  });
});
