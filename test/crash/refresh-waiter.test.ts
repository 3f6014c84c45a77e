import { beforeEach, describe, expect, it } from 'vitest';
import { login } from '../helpers/login.ts';
import {
  client,
  issuer,
  processes,
  profile,
  useProcesses,
  useRefreshHome,
  watchWaiting,
} from '../helpers/refresh-home.ts';
import type { Refresher } from '../helpers/refreshers.ts';

// Invariant: a call whose process is gone waits no longer, so that it is given no grant while others wait for one.

useRefreshHome();
useProcesses(3, beforeEach);

const order = () => ({ issuer: issuer.url, profile, waitMs: 20_000 });

/** Two of three waiting processes are sent the signal before any is served; what the third comes to, and was told. */
async function successors(signal: NodeJS.Signals) {
  const sibling = `${profile}-sibling`;
  for (const one of [profile, sibling]) await login(client, issuer, one, { clientId: profile });
  // What they wait for ends when this test says so, not before: a busy machine takes its time.
  const grant = await client.auth.refresh({ profile: sibling });
  if (grant.status !== 'granted') throw new Error(`expected a grant, got ${grant.status}`);
  // The first come are the first served.
  const waiting = await watchWaiting();
  const [first, second, third] = processes.all as [Refresher, Refresher, Refresher];
  for (const one of [first, second]) void one.order({ ...order(), leaseMs: 2000 });
  await waiting(2);
  const survivor = third.order(order());
  await waiting(3);
  for (const one of [first, second]) {
    one.signal(signal);
    // Until it has ended, its call does wait.
    if (signal === 'SIGKILL') await one.kill();
  }
  await client.auth.failRefresh({ profile: sibling, lease: grant.lease, reason: 'given back' });
  const outcome = await survivor;
  const { previousAttempt } = await third.at('before');
  return { outcome, previousAttempt };
}

describe('H6: processes that are killed while they wait', () => {
  it('are given no grant while another one waits', async () => {
    expect(await successors('SIGKILL')).toEqual({ outcome: { token: expect.any(String) }, previousAttempt: undefined });
    expect([issuer.refreshes, issuer.reused]).toEqual([1, []]);
  });

  it('red control: one that is only stopped is given it, which is seen, and that lease ends too', async () => {
    expect(await successors('SIGSTOP')).toEqual({ outcome: { token: expect.any(String) }, previousAttempt: 'unknown' });
  });
});
