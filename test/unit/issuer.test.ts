import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { callApi, refreshAt, type Refreshed } from '../helpers/issuer-client.ts';
import { Issuer } from '../helpers/issuer.ts';

const never = new AbortController().signal;
const refresh = (issuer: Issuer, refreshToken = ''): Promise<Refreshed> =>
  refreshAt(issuer.url)({ refreshToken, signal: never });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const api = (issuer: Issuer, accessToken: string) => callApi(issuer.url, accessToken);
const consumed = { message: 'the issuer answered 400 invalid_grant', fatal: true };

describe('the issuer', () => {
  it('rotates: each refresh token is good once, and gives the next', async () => {
    await using issuer = await Issuer.listen();
    const login = issuer.issue();
    const first = await refresh(issuer, login.refreshToken);
    const second = await refresh(issuer, first.refreshToken);
    const tokens = [login, first, second];
    expect(new Set(tokens.flatMap((one) => [one.accessToken, one.refreshToken])).size).toBe(6);
    for (const { accessToken } of tokens) expect(await api(issuer, accessToken)).toBe(200);
    expect(issuer.requests).toEqual([login.refreshToken, first.refreshToken]);
    expect([issuer.refreshes, issuer.reused]).toEqual([2, []]);
  });

  it('ends the family of a token that is presented again, and no other', async () => {
    await using issuer = await Issuer.listen();
    const [login, stranger] = [issuer.issue(), issuer.issue()];
    const next = await refresh(issuer, login.refreshToken);
    expect(await failureOf(refresh(issuer, login.refreshToken))).toMatchObject(consumed);
    expect(issuer.reused).toEqual([login.refreshToken]);
    expect(await api(issuer, next.accessToken)).toBe(401);
    expect(await failureOf(refresh(issuer, next.refreshToken))).toMatchObject(consumed);
    // That one was never used, so it is no reuse.
    expect(issuer.reused).toEqual([login.refreshToken]);
    expect(issuer.requests).toEqual([login.refreshToken, login.refreshToken, next.refreshToken]);
    expect(await api(issuer, stranger.accessToken)).toBe(200);
    await refresh(issuer, stranger.refreshToken);
    expect(issuer.refreshes).toBe(2);
  });

  it('sees callers that nobody keeps apart', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => refresh(issuer, refreshToken)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(issuer.refreshes).toBe(1);
    expect(issuer.reused).toEqual(Array.from({ length: 4 }, () => refreshToken));
  });

  it('fails without using the token up', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    issuer.failing = true;
    const failed = await failureOf(refresh(issuer, refreshToken));
    expect(failed).toMatchObject({ message: 'the issuer answered 500 server_error' });
    expect(failed).not.toHaveProperty('fatal');
    expect(issuer.refreshes).toBe(0);
    issuer.failing = false;
    await refresh(issuer, refreshToken);
    expect([issuer.requests, issuer.reused]).toEqual([[refreshToken, refreshToken], []]);
  });

  it('omits the refresh token, and keeps the old one good', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    issuer.omitRefreshToken = true;
    const first = await refresh(issuer, refreshToken);
    const second = await refresh(issuer, refreshToken);
    for (const answer of [first, second]) expect(answer).not.toHaveProperty('refreshToken');
    expect(await api(issuer, second.accessToken)).toBe(200);
    issuer.omitRefreshToken = false;
    expect(await refresh(issuer, refreshToken)).toHaveProperty('refreshToken');
    expect([issuer.refreshes, issuer.reused]).toEqual([3, []]);
    expect(await failureOf(refresh(issuer, refreshToken))).toMatchObject(consumed);
  });

  it('tells how long a token lives, or does not', async () => {
    await using issuer = await Issuer.listen();
    let { refreshToken } = await refresh(issuer, issuer.issue().refreshToken);
    issuer.expiresIn = 0;
    const ended = await refresh(issuer, refreshToken);
    expect(new Date(ended.expiresAt ?? '').toISOString()).toBe(ended.expiresAt);
    expect(await api(issuer, ended.accessToken)).toBe(401);
    ({ refreshToken } = ended);
    issuer.expiresIn = undefined;
    const unknown = await refresh(issuer, refreshToken);
    expect(unknown).not.toHaveProperty('expiresAt');
    expect(await api(issuer, unknown.accessToken)).toBe(200);
  });

  it('serves live access tokens only', async () => {
    await using issuer = await Issuer.listen();
    const { accessToken, refreshToken } = issuer.issue();
    expect(await api(issuer, accessToken)).toBe(200);
    issuer.revoke(accessToken);
    expect(await api(issuer, accessToken)).toBe(401);
    expect(() => issuer.revoke(accessToken)).toThrow(/revoked already/);
    expect(await api(issuer, refreshToken)).toBe(401);
    expect(await api(issuer, issuer.issue({ lifetimeMs: 0 }).accessToken)).toBe(401);
    expect((await fetch(`${issuer.url}/api`)).status).toBe(401);
    await refresh(issuer, refreshToken);
  });

  it.each([
    ['an unknown token', { grant_type: 'refresh_token', refresh_token: 'x' }, 400, 'invalid_grant'],
    ['no token', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
    ['another grant', { grant_type: 'password', refresh_token: 'x' }, 400, 'unsupported_grant_type'],
  ])('refuses %s', async (_what, form, status, error) => {
    await using issuer = await Issuer.listen();
    const response = await fetch(`${issuer.url}/token`, { method: 'POST', body: new URLSearchParams(form) });
    expect([response.status, await response.json()]).toEqual([status, { error }]);
    expect(issuer.requests).toHaveLength(1);
  });

  it('refuses JSON, other paths and other methods', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    const body = `grant_type=refresh_token&refresh_token=${refreshToken}`;
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${issuer.url}/token`, { method: 'POST', headers, body })).status).toBe(400);
    expect((await fetch(`${issuer.url}/other`, { method: 'POST', body })).status).toBe(404);
    expect((await fetch(`${issuer.url}/token`)).status).toBe(404);
    expect(issuer.requests).toEqual([refreshToken]);
    await refresh(issuer, refreshToken);
  });
});

describe('a refresh function', () => {
  it.each([
    ['an answer without an access token', 200, '{"refresh_token":"x"}'],
    ['an answer cut short', 200, '{"access_token":"x'],
    ['a page of a proxy', 502, '<html>'],
  ])('takes %s for a failure that may pass', async (_what, status, body) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await failureOf(refreshAt(url)({ refreshToken: 'x', signal: never }));
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toHaveProperty('fatal');
    server.closeAllConnections();
    server.close();
  });
});
