import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Issuer } from '../helpers/issuer.ts';
import { login } from '../helpers/login.ts';
import { Refreshers, type Refresher } from '../helpers/refreshers.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a call whose process is gone waits no longer, so that it is given no grant while others wait for one.

const leaseMs = 4000;
let home: TestHome;
let client: Client;
let processes: Refreshers;
let issuer: Issuer;
let profile = '';
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client();
});
beforeEach(async ({ task }) => {
  profile = task.id;
  issuer = await Issuer.listen();
  processes = await Refreshers.start(home, 4);
  return async () => {
    await processes[Symbol.asyncDispose]();
    await issuer[Symbol.asyncDispose]();
  };
}, 90_000);
afterAll(() => home[Symbol.asyncDispose]());

const order = () => ({ issuer: issuer.url, profile, waitMs: 20_000 });
const holding = async () => (await client.auth.get({ profile })).refreshing?.pid;

/** Two of three waiting processes are sent the signal before the lease ends; who has a grant until the third is served. */
async function successors(signal: NodeJS.Signals) {
  await login(client, issuer, profile);
  const [holder, first, second, third] = processes.all as [Refresher, Refresher, Refresher, Refresher];
  void holder.order({ ...order(), leaseMs, stop: 'before' });
  await holder.at('before');
  for (const one of [first, second]) void one.order({ ...order(), leaseMs });
  for (const one of [first, second]) await one.at('asking');
  // One that gives up waiting, well before the lease ends, so that those two have begun: a busy machine takes its time.
  await refusal(client.auth.refresh({ profile, waitMs: 1500 }, { deadlineMs: 3000 }));
  const survivor = third.order(order());
  await third.at('asking');
  for (const one of [holder, first, second]) one.signal(signal);
  const pids = new Set<number | null | undefined>();
  const ended = survivor.then((outcome) => ({ outcome }));
  let over: { outcome: unknown } | undefined;
  void ended.then((outcome) => (over = outcome));
  const { outcome } = await until('the third is served', async () => (pids.add(await holding()), over), 30_000);
  const gone = [...pids].filter((pid) => pid === first.pid || pid === second.pid);
  return { outcome, gone };
}

describe('H6: processes that are killed while they wait', () => {
  it('are given no grant while another one waits', async () => {
    const { outcome, gone } = await successors('SIGKILL');
    expect([outcome, gone]).toEqual([{ token: expect.any(String) }, []]);
    expect([issuer.refreshes, issuer.reused]).toEqual([1, []]);
  });

  it('red control: one that is only stopped is given it, which is seen, and that lease ends too', async () => {
    const { outcome, gone } = await successors('SIGSTOP');
    expect(outcome).toEqual({ token: expect.any(String) });
    expect(gone).not.toEqual([]);
  });
});
