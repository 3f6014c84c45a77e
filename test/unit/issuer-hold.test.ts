import { describe, expect, it } from 'vitest';
import { callApi, refreshAt } from '../helpers/issuer-client.ts';
import { Issuer } from '../helpers/issuer.ts';
import { until } from '../helpers/wait.ts';

const never = new AbortController().signal;
const refresh = (issuer: Issuer, refreshToken = '', signal = never) => refreshAt(issuer.url)({ refreshToken, signal });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const isNotFatal = (error: unknown) => error instanceof Error && !('fatal' in error);
const consumed = { message: 'the issuer answered 400 invalid_grant', fatal: true };

describe('requests that are held', () => {
  it('at their arrival have changed nothing until they are released', async () => {
    await using issuer = await Issuer.listen();
    const login = issuer.issue();
    const hold = issuer.hold();
    const answer = refresh(issuer, login.refreshToken);
    await hold.arrived;
    expect([issuer.requests, issuer.refreshes, hold.waiting]).toEqual([[login.refreshToken], 0, 1]);
    hold.release();
    await refresh(issuer, (await answer).refreshToken);
    expect([issuer.refreshes, hold.waiting]).toEqual([2, 0]);
  });

  it('at their arrival and dropped have used nothing up', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    const hold = issuer.hold();
    const failure = failureOf(refresh(issuer, refreshToken));
    await hold.arrived;
    hold.drop();
    expect(await failure).toSatisfy(isNotFatal);
    expect(issuer.refreshes).toBe(0);
    await refresh(issuer, refreshToken);
    expect(issuer.reused).toEqual([]);
  });

  it('at the answer and dropped have used the token up', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    const hold = issuer.hold({ at: 'answer' });
    const failure = failureOf(refresh(issuer, refreshToken));
    await hold.arrived;
    expect(issuer.refreshes).toBe(1);
    hold.drop();
    expect(await failure).toSatisfy(isNotFatal);
    expect(await failureOf(refresh(issuer, refreshToken))).toMatchObject(consumed);
    expect(issuer.reused).toEqual([refreshToken]);
  });

  it('at the answer and released get it', async () => {
    await using issuer = await Issuer.listen();
    const hold = issuer.hold({ at: 'answer' });
    const answer = refresh(issuer, issuer.issue().refreshToken);
    await hold.arrived;
    hold.release();
    expect(await callApi(issuer.url, (await answer).accessToken)).toBe(200);
  });

  it('are carried out when released, also when nobody waits for them any more', async () => {
    await using issuer = await Issuer.listen();
    const { refreshToken } = issuer.issue();
    const hold = issuer.hold();
    const leaver = new AbortController();
    const failure = failureOf(refresh(issuer, refreshToken, leaver.signal));
    await hold.arrived;
    leaver.abort();
    expect(await failure).toMatchObject({ name: 'AbortError' });
    hold.release();
    await until('the refresh is carried out', () => issuer.refreshes === 1);
  });

  it('are all that come', async () => {
    await using issuer = await Issuer.listen();
    const hold = issuer.hold();
    const logins = [issuer.issue(), issuer.issue(), issuer.issue()];
    const answers = logins.map(({ refreshToken }) => refresh(issuer, refreshToken));
    await until('three requests wait', () => hold.waiting === 3);
    expect(issuer.refreshes).toBe(0);
    hold.release();
    await Promise.all(answers);
    expect(issuer.refreshes).toBe(3);
  });

  it('are as many as the hold says, and later ones pass', async () => {
    await using issuer = await Issuer.listen();
    const [held, free] = [issuer.issue(), issuer.issue()];
    const hold = issuer.hold({ requests: 1 });
    const answer = refresh(issuer, held.refreshToken);
    await hold.arrived;
    await refresh(issuer, free.refreshToken);
    expect([issuer.refreshes, hold.waiting]).toEqual([1, 1]);
    // A second hold does not let go of those of the first.
    const second = issuer.hold();
    second.release();
    expect(hold.waiting).toBe(1);
    hold.release();
    await answer;
    expect(issuer.refreshes).toBe(2);
  });

  it('do not keep the issuer from ending', async () => {
    const issuer = await Issuer.listen();
    const hold = issuer.hold();
    const failure = failureOf(refresh(issuer, issuer.issue().refreshToken));
    await hold.arrived;
    await issuer[Symbol.asyncDispose]();
    expect(await failure).toSatisfy(isNotFatal);
    expect(issuer.refreshes).toBe(0);
  });
});
