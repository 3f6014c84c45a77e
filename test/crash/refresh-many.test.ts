import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { callApi } from '../helpers/issuer-client.ts';
import { login } from '../helpers/login.ts';
import { client, home, issuer, processes, profile, useProcesses, useRefreshHome } from '../helpers/refresh-home.ts';
import { distinct, type Outcome } from '../helpers/refreshers.ts';
import { refused } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: however many processes want a token at once, the issuer is asked by one of them, and all get what it got.

const count = 20;
useRefreshHome();
useProcesses(count);

/** Lets the tokens of the next round live longer, and asks for more than those of the one before have left. */
function longerThan(round: number) {
  issuer.expiresIn = 600 * (round + 1);
  return { minValidMs: 600_000 * round + 1 };
}
const tokenOf = (outcome: unknown) => (outcome as { token: string }).token;

describe('H6, acceptance 1: 20 processes and one expired credential', () => {
  it('the issuer sees one refresh, and all get the new token', async () => {
    const { accessToken, refreshToken } = await login(client, issuer, profile);
    const outcomes = await processes.order({ issuer: issuer.url, profile });
    expect(distinct(outcomes)).toEqual([{ token: expect.stringMatching(/^access-/) }]);
    expect(issuer.requests).toEqual([refreshToken]);
    expect(processes.granted).toHaveLength(1);
    const token = tokenOf(outcomes[0]);
    expect(token).not.toBe(accessToken);
    expect(await callApi(issuer.url, token)).toBe(200);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: token });
    expect(await client.auth.get({ profile })).toMatchObject({ state: 'ok', refreshing: null, previousAttempt: null });
  });

  it('again and again, each time one refresh, of the newest refresh token', async () => {
    await login(client, issuer, profile);
    for (let round = 1; round <= 3; round++) {
      const outcomes = await processes.order({ issuer: issuer.url, profile, ...longerThan(round - 1) });
      expect([distinct(outcomes).length, issuer.refreshes, issuer.reused]).toEqual([1, round, []]);
      expect(await callApi(issuer.url, tokenOf(outcomes[0]))).toBe(200);
    }
  });

  it('the same when the issuer sends no refresh token: the old one stays', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    issuer.omitRefreshToken = true;
    for (let round = 1; round <= 2; round++) {
      const outcomes = await processes.order({ issuer: issuer.url, profile, ...longerThan(round - 1) });
      expect(distinct(outcomes)).toEqual([{ token: expect.any(String) }]);
      expect(issuer.requests).toEqual(Array.from({ length: round }, () => refreshToken));
    }
    expect((await client.auth.get({ profile })).holds.toSorted()).toEqual(['accessToken', 'refreshToken']);
  });

  it('two profiles of one client id never refresh at the same time', async () => {
    const siblings = [`${profile}-a`, `${profile}-b`];
    const tokens = [];
    for (const one of siblings) tokens.push(await login(client, issuer, one, { clientId: profile }));
    const first = issuer.hold({ requests: 1 });
    const orders = processes.all.map((one, n) => one.order({ issuer: issuer.url, profile: siblings[n % 2] ?? '' }));
    await first.arrived;
    for (const one of siblings) {
      const reply = await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${one}/refresh`, { waitMs: 200 });
      expect(refused(reply)).toBe('503 refreshing');
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(issuer.requests).toHaveLength(1);
    first.release();
    const outcomes = await Promise.all(orders);
    for (const side of [0, 1]) {
      expect(distinct(outcomes.filter((_, n) => n % 2 === side))).toEqual([{ token: expect.any(String) }]);
    }
    expect(issuer.requests.toSorted()).toEqual(tokens.map(({ refreshToken }) => refreshToken).toSorted());
    expect(issuer.reused).toEqual([]);
  });

  it('red control: two profiles of two client ids do refresh at the same time', async () => {
    const both = issuer.hold();
    const outcomes: Promise<Outcome>[] = [];
    for (const [n, one] of processes.all.slice(0, 2).entries()) {
      await login(client, issuer, `${profile}-${n}`, { clientId: `${profile}-${n}` });
      outcomes.push(one.order({ issuer: issuer.url, profile: `${profile}-${n}` }));
    }
    await until('both requests are at the issuer', () => both.waiting === 2);
    both.release();
    expect(distinct(await Promise.all(outcomes))).toHaveLength(2);
  });

  it('red control: without a grant they all present the same refresh token, and the login is lost', async () => {
    const { refreshToken } = await login(client, issuer, profile);
    const hold = issuer.hold();
    const outcomes = processes.order({ issuer: issuer.url, profile, naive: refreshToken });
    await until('all requests are at the issuer', () => hold.waiting === count, 30_000);
    hold.release();
    expect((await outcomes).filter((outcome) => 'token' in outcome)).toHaveLength(1);
    expect(issuer.reused).toHaveLength(count - 1);
    const { accessToken } = await client.auth.token({ profile });
    expect(await callApi(issuer.url, accessToken ?? '')).toBe(401);
  });
});
