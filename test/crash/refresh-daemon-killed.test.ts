import { cpSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidv7, type Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Issuer } from '../helpers/issuer.ts';
import { callApi, refreshAt } from '../helpers/issuer-client.ts';
import { login } from '../helpers/login.ts';
import { distinct, Refreshers, type Refresher } from '../helpers/refreshers.ts';
import { until } from '../helpers/wait.ts';

// Invariant: no end of the daemon costs a login. Whoever was given the right to refresh has it again from the next
// daemon, those who waited wait there, and the issuer is asked once. What the loss of an answer that came back from the
// issuer would look like: refresh-holder.test.ts, 'killed after the issuer answered'.

const count = 20;

interface Moment {
  issuer: Issuer;
  all: Refresher[];
  end: (how: NodeJS.Signals) => Promise<void>;
}
const some = (all: Refresher[], at: 'asking' | 'before' | 'after') => () =>
  all.some(({ steps }) => steps.some((step) => step.at === at));

const moments: [string, (moment: Moment) => Promise<void>][] = [
  [
    'when the first one asks',
    async ({ all, end }) => {
      await until('one asks', some(all, 'asking'));
      await end('SIGKILL');
    },
  ],
  [
    'when all of them ask',
    async ({ all, end }) => {
      await until('all ask', () => all.every(({ steps }) => steps.length > 0));
      await end('SIGKILL');
    },
  ],
  [
    'when the grant has arrived',
    async ({ all, end }) => {
      await until('one has the grant', some(all, 'before'));
      await end('SIGKILL');
    },
  ],
  [
    'twice while the issuer is asked and the others wait',
    async ({ issuer, end }) => {
      const hold = issuer.hold();
      await hold.arrived;
      await end('SIGKILL');
      await end('SIGKILL');
      hold.release();
    },
  ],
  [
    'while the issuer answers',
    async ({ issuer, end }) => {
      const hold = issuer.hold({ at: 'answer' });
      await hold.arrived;
      const ended = end('SIGKILL');
      hold.release();
      await ended;
    },
  ],
  [
    'during the commit',
    async ({ all, end }) => {
      await until('one has new tokens', some(all, 'after'));
      await end('SIGKILL');
    },
  ],
  [
    'by SIGTERM while the others wait',
    async ({ issuer, end }) => {
      const hold = issuer.hold();
      await hold.arrived;
      await end('SIGTERM');
      hold.release();
    },
  ],
];

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
let processes: Refreshers;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client();
  processes = await Refreshers.start(home, count);
}, 90_000);
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

async function restart(how: NodeJS.Signals) {
  await daemon.end(how);
  daemon = await home.start();
}

describe(`H6, acceptance 1: ${count} processes get the token of one refresh, whenever the daemon ends`, () => {
  it.each(moments)('%s', { repeats: 1 }, async (_, moment) => {
    await using issuer = await Issuer.listen();
    const profile = uuidv7();
    const { refreshToken } = await login(client, issuer, profile);
    const orders = processes.order({ issuer: issuer.url, profile, waitMs: 60_000 });
    await moment({ issuer, all: processes.all, end: restart });
    const [outcome, ...others] = distinct(await orders) as { token: string }[];
    expect([outcome, others]).toEqual([{ token: expect.any(String) }, []]);
    expect(issuer.requests).toEqual([refreshToken]);
    expect(await callApi(issuer.url, outcome?.token ?? '')).toBe(200);
    // The refresh token that came with it was stored.
    const next = await client.auth.refresh({ profile, rejected: outcome?.token ?? '' });
    expect(next).toMatchObject({ status: 'granted', refreshToken: expect.not.stringContaining(refreshToken) });
    expect(next).not.toHaveProperty('previousAttempt');
  });

  it('red control: if a commit that was answered were lost, the issuer would see a used refresh token', async () => {
    await using issuer = await Issuer.listen();
    const profile = uuidv7();
    const { refreshToken } = await login(client, issuer, profile);
    await daemon.end();
    cpSync(home.paths.database, `${home.paths.database}.before`);
    daemon = await home.start();
    await client.auth.withToken(profile, refreshAt(issuer.url));
    await daemon.end();
    renameSync(`${home.paths.database}.before`, home.paths.database);
    daemon = await home.start();
    await client.auth.withToken(profile, refreshAt(issuer.url)).catch(() => undefined);
    expect(issuer.reused).toEqual([refreshToken]);
  });
});
