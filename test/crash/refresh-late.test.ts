import { describe, expect, it } from 'vitest';
import type { RefreshFunction } from '../../client/index.ts';
import { refreshAt } from '../helpers/issuer-client.ts';
import { login } from '../helpers/login.ts';
import { client, issuer, profile, useRefreshHome } from '../helpers/refresh-home.ts';
import { until } from '../helpers/wait.ts';

// Invariant: once a request may have reached the issuer, its refresh token may be used up, whoever gave up waiting: what
// it brings is stored if it still comes, and if it does not, the next holder is told 'unknown'.

useRefreshHome();

const known = () => client.auth.get({ profile });
/** Lets the issuer carry out a request whose answer does not leave, and the caller give up; what it was told. */
async function givenUp(refresh: RefreshFunction) {
  const hold = issuer.hold({ at: 'answer', requests: 1 });
  const stop = new AbortController();
  const outcome = client.auth.withToken(profile, refresh, stop.signal).catch((error: unknown) => error);
  await hold.arrived;
  stop.abort(new Error('stopped'));
  return { hold, outcome };
}
/** A refresh function that pays no attention to its signal. */
const deaf = (): RefreshFunction => (grant) =>
  refreshAt(issuer.url)({ ...grant, signal: new AbortController().signal });

describe('H6: a caller that gives up when the issuer has its request', () => {
  it('leaves the grant to others at once', async () => {
    await login(client, issuer, profile);
    const { hold, outcome } = await givenUp(refreshAt(issuer.url));
    expect(await outcome).toMatchObject({ message: 'stopped' });
    expect(await known()).toMatchObject({ refreshing: null, reason: 'stopped' });
    hold.drop();
  });

  // It is told as 'failed', as if the issuer had refused: the next holder takes the refresh token for a good one.
  it('is told as unknown', async () => {
    await login(client, issuer, profile);
    const { outcome } = await givenUp(refreshAt(issuer.url));
    await outcome;
    expect((await known()).previousAttempt).toBe('unknown');
  });

  it('does not lose new tokens that arrive all the same', async () => {
    await login(client, issuer, profile);
    const { hold, outcome } = await givenUp(deaf());
    hold.release();
    await outcome;
    await until('the next refresh', () =>
      client.auth.withToken(profile, refreshAt(issuer.url)).then(
        () => true,
        ({ fatal, code }: { fatal?: boolean; code?: string }) => fatal === true || code === 'needs_login',
      ),
    );
    expect(issuer.reused).toEqual([]);
  });
});
