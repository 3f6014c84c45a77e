import { beforeEach, describe, expect, it } from 'vitest';
import { callApi, refreshAt } from '../helpers/issuer-client.ts';
import { login } from '../helpers/login.ts';
import { client, issuer, processes, profile, useProcesses, useRefreshHome } from '../helpers/refresh-home.ts';
import { distinct, type Refresher } from '../helpers/refreshers.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a grant whose holder is lost ends by its time, once, and is told: the next holder knows that the refresh
// token may be used up. What comes late counts unless something newer is stored.

// A machine that is busy must come so far as to stop in it.
const leaseMs = 3000;
let holder: Refresher;
let other: Refresher;
useRefreshHome();
useProcesses(4, beforeEach);
beforeEach(() => {
  [holder, other] = processes.all as [Refresher, Refresher];
});

const order = () => ({ issuer: issuer.url, profile, waitMs: 20_000 });
const known = () => client.auth.get({ profile });
const leaseIsOver = () => until('the lease is over', async () => (await known()).refreshing === null);

/** The holder is given the right to refresh and stops there; answers what its order comes to, in an object. */
async function stopped(at: 'before' | 'after') {
  const outcome = holder.order({ ...order(), leaseMs, stop: at });
  await holder.at(at);
  expect((await known()).refreshing).toMatchObject({ client: 'refresher/1', pid: holder.pid });
  return { outcome };
}

describe('H6, acceptance 1: a holder that is killed', () => {
  it('before its request: the profile shows it, the next holder is told, and one refresh is made', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    await stopped('before');
    await holder.kill();
    await leaseIsOver();
    expect(await known()).toMatchObject({ state: 'ok', previousAttempt: 'unknown', refreshing: null });
    expect(await other.order(order())).toEqual({ token: expect.any(String) });
    expect(await other.at('before')).toMatchObject({ previousAttempt: 'unknown' });
    expect([issuer.requests, issuer.reused]).toEqual([[refreshToken], []]);
    expect(await known()).toMatchObject({ state: 'ok', previousAttempt: null });
  });

  it('after the issuer answered: the next one is told, the state is shown, and a login heals it', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    await stopped('after');
    await holder.kill();
    await leaseIsOver();
    expect(await known()).toMatchObject({ previousAttempt: 'unknown' });
    expect(await other.order(order())).toMatchObject({ message: expect.stringContaining('invalid_grant') });
    expect(await other.at('before')).toMatchObject({ previousAttempt: 'unknown' });
    // No daemon can know what only the dead process was told; all the tests of no reuse would see this.
    expect(issuer.reused).toEqual([refreshToken]);
    expect(await known()).toMatchObject({ state: 'needs_login', reason: expect.stringContaining('invalid_grant') });
    expect(await other.order(order())).toMatchObject({ error: 'needs_login' });
    expect(issuer.requests).toHaveLength(2);
    await login(client, issuer, profile);
    expect(await known()).toMatchObject({ state: 'ok', reason: null, previousAttempt: null });
    expect(await other.order(order())).toEqual({ token: expect.any(String) });
    expect(issuer.reused).toHaveLength(1);
  });

  it('while others wait: one of them has the grant when the lease is over, and all get its token', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    await stopped('before');
    const waiting = processes.all.slice(1).map((one) => one.order(order()));
    await holder.kill();
    expect(distinct(await Promise.all(waiting))).toEqual([{ token: expect.any(String) }]);
    expect(processes.granted.filter((one) => one !== holder)).toHaveLength(1);
    expect(issuer.requests).toEqual([refreshToken]);
  });
});

describe('H6, acceptance 1: a holder that is stopped past its lease and comes back', () => {
  it('before its request: it does not present the refresh token that another one has used', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    const late = await stopped('before');
    const token = await other.order(order());
    expect(token).toEqual({ token: expect.any(String) });
    holder.signal('SIGCONT');
    await late.outcome;
    expect([issuer.requests, issuer.reused]).toEqual([[refreshToken], []]);
    expect(await known()).toMatchObject({ state: 'ok', previousAttempt: null });
    // Whatever it was told: the next call has the good token.
    expect(await holder.order(order())).toEqual(token);
  });

  it('with new tokens, when nobody has stored any: they are stored', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    const late = await stopped('after');
    await leaseIsOver();
    holder.signal('SIGCONT');
    const outcome = (await late.outcome) as { token: string };
    expect(await callApi(issuer.url, outcome.token)).toBe(200);
    expect(await other.order(order())).toEqual(outcome);
    expect(await known()).toMatchObject({ state: 'ok', previousAttempt: null });
    const next = await client.auth.withToken(profile, refreshAt(issuer.url));
    await next.rejected();
    expect([issuer.requests[0], issuer.refreshes, issuer.reused]).toEqual([refreshToken, 2, []]);
  });

  it('with new tokens, while another one has the grant and has stored none: they are stored', async () => {
    await login(client, issuer, profile);
    const late = await stopped('after');
    await leaseIsOver();
    const second = other.order({ ...order(), stop: 'before' });
    await other.at('before');
    holder.signal('SIGCONT');
    const outcome = (await late.outcome) as { token: string };
    expect(await callApi(issuer.url, outcome.token)).toBe(200);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: outcome.token });
    await other.kill();
    expect(await second).toEqual({ killed: true });
    // Its grant was for what is stored no more: nothing of it is told.
    expect(await known()).toMatchObject({ state: 'ok', refreshing: null, previousAttempt: null });
  });

  it('with new tokens, when somebody has stored newer ones: they are refused, and it has the newer ones', async () => {
    await login(client, issuer, profile);
    issuer.omitRefreshToken = true;
    const late = await stopped('after');
    const newer = (await other.order(order())) as { token: string };
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: newer.token });
    holder.signal('SIGCONT');
    expect(await late.outcome).toEqual(newer);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: newer.token });
    expect(issuer.refreshes).toBe(2);
  });
});
