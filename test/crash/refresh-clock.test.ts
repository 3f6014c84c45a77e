import { describe, expect, it } from 'vitest';
import { refreshAt } from '../helpers/issuer-client.ts';
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

// Invariant: a token is refreshed when it ends soon, and not again and again because it lives shortly; whatever the
// issuer says of its life, no refresh token is presented twice.

const count = 20;
useRefreshHome();
useProcesses(count);

const order = () => ({ issuer: issuer.url, profile });
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
/** Stores tokens that end then; answers whether a caller that says no more is sent to refresh them. */
async function isRefreshed(expiresAt: string | null | undefined, minValidMs?: number, of = profile): Promise<boolean> {
  await client.auth.put({ profile: of, kind: 'oauth', accessToken: 'access', refreshToken: 'refresh', expiresAt });
  const { status } = await client.auth.refresh({ profile: of, minValidMs });
  const token = await client.auth.token({ profile: of, minValidMs }).catch(() => undefined);
  // The read and the refresh agree on what is good.
  expect(token?.accessToken).toBe(status === 'fresh' ? 'access' : undefined);
  return status === 'granted';
}

describe('H6: the end of an access token', () => {
  it.each<[string, () => string | null | undefined, boolean]>([
    ['in the past', () => inMs(-1), true],
    ['long past', () => '1970-01-01T00:00:00.000Z', true],
    ['in an hour', () => inMs(3_600_000), false],
    ['in the year 9999', () => '9999-12-31T23:59:59.999Z', false],
    ['not known', () => null, false],
    ['not told', () => undefined, false],
  ])('that is %s', async (_, end, refreshed) => {
    expect(await isRefreshed(end())).toBe(refreshed);
  });

  it('counts for so long as the caller says that it must be good', async () => {
    expect(await isRefreshed(inMs(3_600_000), 3_700_000)).toBe(true);
    expect(await isRefreshed(inMs(60_000), 0, `${profile}-other`)).toBe(false);
  });

  it('may be a second after the Unix epoch or years ahead in what an issuer says: it is stored as said', async () => {
    expect(await isRefreshed(inMs(-1))).toBe(true);
    const { refreshing } = await client.auth.get({ profile });
    expect(refreshing).not.toBeNull();
  });
});

describe('H6: an access token of an issuer that', () => {
  it.each([
    ['lives nine minutes', 540],
    ['lives twenty seconds', 20],
  ])('%s is refreshed once by 20 processes, and serves the next 20 too', async (_, seconds) => {
    await login(client, issuer, profile);
    issuer.expiresIn = seconds;
    const first = await processes.order(order());
    expect(distinct(first)).toEqual([{ token: expect.any(String) }]);
    expect(distinct(await processes.order(order()))).toEqual(distinct(first));
    expect(issuer.refreshes).toBe(1);
  });

  it('tells no end is good until it is refused', async () => {
    await login(client, issuer, profile);
    issuer.expiresIn = undefined;
    const first = await processes.order(order());
    expect(await processes.order(order())).toEqual(first);
    expect([issuer.refreshes, (await client.auth.get({ profile })).expiresAt]).toEqual([1, null]);
    const token = await client.auth.withToken(profile, refreshAt(issuer.url));
    const second = await token.rejected();
    expect(await processes.order(order())).toEqual(first.map(() => ({ token: second.accessToken })));
    expect([issuer.refreshes, issuer.reused]).toEqual([2, []]);
  });

  it('has ended when it arrives costs each caller one refresh at most, and no refresh token twice', async () => {
    await login(client, issuer, profile);
    issuer.expiresIn = 0;
    const outcomes = await processes.order(order());
    expect(outcomes).toEqual(outcomes.map(() => ({ token: expect.any(String) as unknown })));
    expect(issuer.refreshes).toBeLessThanOrEqual(count);
    expect([issuer.reused, (await client.auth.get({ profile })).state]).toEqual([[], 'ok']);
  });

  // Every one of them refreshes in turn: a clock that is an hour ahead makes a refresh of every call.
  it('has ended when it arrives is still given to all who waited for it', async () => {
    await login(client, issuer, profile);
    issuer.expiresIn = 0;
    const hold = issuer.hold({ requests: 1 });
    const waiting = await watchWaiting();
    const orders = processes.order(order());
    await hold.arrived;
    await waiting(count, count - 1);
    hold.release();
    expect(distinct(await orders)).toHaveLength(1);
  });
});

describe('H6: 20 processes whose token was refused', () => {
  it('before its time get a new one by one refresh', async () => {
    const { accessToken, refreshToken } = await login(client, issuer, profile, { lifetimeMs: 3_600_000 });
    issuer.revoke(accessToken);
    const clients = Array.from({ length: count }, () => home.client());
    const refused = await Promise.all(clients.map(({ auth }) => auth.withToken(profile, refreshAt(issuer.url))));
    expect(new Set(refused.map((token) => token.accessToken))).toEqual(new Set([accessToken]));
    const renewed = await Promise.all(refused.map((token) => token.rejected()));
    expect(new Set(renewed.map((token) => token.accessToken)).size).toBe(1);
    expect([issuer.requests, issuer.reused]).toEqual([[refreshToken], []]);
  });
});
