import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Random } from '../helpers/model-random.ts';
import { seed, stepCount, timeFor } from '../helpers/model-run.ts';
import { RefreshActor } from '../helpers/refresh-actor.ts';
import { Ledger } from '../helpers/refresh-ledger.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whatever several processes do with grants, logins and versions, and whenever the daemon is killed: grants
// of one client id or one version do not meet; a refresh token that was exchanged is given out with a warning at most,
// and never after its successor was stored; a commit counts exactly if nothing newer was stored since its grant; and
// the newest tokens that were acknowledged are those that are answered, of every version.

const steps = stepCount(30);
const rounds = 3;
const actors = 5;

/** What of a profile is not as the ledger says. */
async function differences(client: Client, ledger: Ledger, profile: string): Promise<string[]> {
  const { current, versions } = ledger.stateOf(profile);
  if (current === undefined) {
    const { code } = await refusal(client.auth.get({ profile }));
    return code === 'not_found' ? [] : [`${profile}: ${code}, though it was removed`];
  }
  const { version } = await client.auth.get({ profile });
  const { accessToken } = await client.auth.token({ profile });
  return [
    ...(version === current ? [] : [`${profile}: version ${version}, not ${current}`]),
    ...(accessToken === versions.get(current)?.accessToken ? [] : [`${profile}: not the newest access token`]),
  ];
}

/** The same of all its versions, and of their refresh tokens. */
async function oldDifferences(client: Client, ledger: Ledger, profile: string): Promise<string[]> {
  const known = await client.auth.versions({ profile }).catch(() => ({ items: [] }));
  const { versions } = ledger.stateOf(profile);
  const flaws: string[] = [];
  for (const { version } of known.items) {
    // More than six are kept while grants of them are out; a restore lets go of those whose time is over by then.
    const restored = await client.auth.restore({ profile, version }).catch((error: unknown) => {
      if (known.items.length <= 6) throw error;
    });
    if (!restored) continue;
    const { state } = restored;
    const { accessToken = '' } = await client.auth.token({ profile });
    const tokens = versions.get(version);
    if (accessToken !== tokens?.accessToken) flaws.push(`${profile}: version ${version} lacks its newest access token`);
    if (state === 'needs_login') continue;
    const answer = await until(
      `${profile} may be refreshed`,
      () => client.auth.refresh({ profile, rejected: accessToken, leaseMs: 1000 }).catch(() => undefined),
      40_000,
    );
    if (answer.status !== 'granted') flaws.push(`${profile}: version ${version} is ${answer.status}`);
    else {
      if (answer.refreshToken !== tokens?.refreshToken) {
        flaws.push(`${profile}: version ${version} lacks its newest refresh token`);
      }
      // Given back, so that the next version need not wait for the end of the lease.
      await client.auth.failRefresh({ profile, lease: answer.lease, reason: 'only looked at' });
    }
  }
  return flaws;
}

/** Walks with these client ids, and with so many kills; answers what was wrong. */
async function walk(ledger: Ledger, clientIds: Record<string, string | undefined>, count: number, kills: number) {
  await using home = new TestHome();
  let daemon = await home.start();
  const random = new Random(seed);
  const all = Array.from(
    { length: actors },
    () => new RefreshActor(home.client({ deadlineMs: 60_000 }), ledger, new Random(random.seed()), clientIds),
  );
  const client = home.client();
  for (const profile of Object.keys(clientIds)) await all[0]?.put(profile);
  for (let round = 0; round < rounds; round++) {
    const progress = { taken: 0, ended: 0 };
    const runs = all.map(async (actor) => {
      for (let step = 0; step < count / rounds; step++) {
        await actor.step();
        progress.taken += 1;
      }
    });
    const ended = Promise.allSettled(runs).then((results) => {
      progress.ended = 1;
      return results;
    });
    for (let kill = 0; kill < kills; kill++) {
      const goal = ((kill + random.next()) * actors * count) / rounds / kills;
      await until('the walk goes on', () => progress.taken >= goal || progress.ended > 0, 60_000);
      ledger.trace.push('kill');
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    for (const result of await ended) if (result.status === 'rejected') throw result.reason;
    const flaws = await Promise.all(Object.keys(clientIds).map((profile) => differences(client, ledger, profile)));
    if (flaws.flat().length > 0) return [...ledger.check(), ...flaws.flat()];
  }
  const flaws = ledger.check();
  for (const profile of Object.keys(clientIds)) flaws.push(...(await oldDifferences(client, ledger, profile)));
  return flaws;
}

const siblings = { left: 'one', right: 'one', alone: undefined };

const grant = (position: number, refreshToken: string) => {
  const lease = `epoch.${position}.1`;
  return { profile: 'alone', lease, refreshToken, called: Date.now() + 1, arrived: Date.now() + 2, until: Infinity };
};

describe('H6: refreshes, logins, versions and kills in any order', () => {
  it(
    `seed ${seed}: ${actors} processes, and all that they are told fits together`,
    async () => {
      const ledger = new Ledger(siblings);
      const flaws = await walk(ledger, siblings, steps, 2);
      if (flaws.length > 0) {
        throw new Error(
          [`HOLDFAST_MODEL_SEED=${seed} found:`, ...flaws, 'after:', ...ledger.trace.slice(-40)].join('\n'),
        );
      }
      const { grants, writes } = ledger.counts;
      expect([grants > steps / 10, writes > steps / 3]).toEqual([true, true]);
    },
    timeFor(steps * 10),
  );

  it('red control: of profiles that do refresh together, the ledger says so', async () => {
    const ledger = new Ledger(siblings);
    const flaws = await walk(ledger, { ...siblings, right: 'two' }, 120, 0);
    expect(flaws.filter((flaw) => flaw.includes('was given while'))).not.toEqual([]);
  });

  const commit = { op: 'commit', profile: 'alone', version: 1 } as const;
  it.each<[string, (ledger: Ledger) => void]>([
    [
      'says nothing of an attempt before',
      (ledger) => {
        const first = grant(2, ledger.login().refreshToken);
        ledger.exchange(first);
        ledger.granted(grant(3, first.refreshToken), undefined);
      },
    ],
    [
      'tokens that were replaced',
      (ledger) => {
        const first = grant(2, 'token');
        ledger.wrote({ ...commit, position: 3 }, first);
        ledger.granted(grant(4, 'token'), 'unknown');
      },
    ],
    [
      'taken after a newer one',
      (ledger) => {
        ledger.wrote({ ...commit, position: 4 }, grant(3, 'b'));
        ledger.wrote({ ...commit, position: 5 }, grant(2, 'a'));
      },
    ],
    ['nothing newer was stored', (ledger) => ledger.refused(grant(2, 'a'))],
  ])('red control: the ledger tells of %s', (flaw, happen) => {
    const ledger = new Ledger(siblings);
    happen(ledger);
    expect(ledger.check()).toEqual([expect.stringContaining(flaw)]);
  });

  it('red control: tokens that are not the newest are told, of the current version and of an older one', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    const ledger = new Ledger(siblings);
    const actor = new RefreshActor(client, ledger, new Random(1), siblings);
    for (const profile of ['alone', 'alone']) await actor.put(profile);
    const all = async () => [await differences(client, ledger, 'alone'), await oldDifferences(client, ledger, 'alone')];
    expect(await all()).toEqual([[], []]);
    ledger.wrote({ ...commit, position: 1e6, version: 1, tokens: ledger.login() });
    ledger.wrote({ op: 'put', profile: 'alone', position: 1e6 + 1, version: 3, tokens: ledger.login() });
    expect(await all()).toEqual([
      ['alone: version 1, not 3', 'alone: not the newest access token'],
      ['alone: version 1 lacks its newest access token', 'alone: version 1 lacks its newest refresh token'],
    ]);
  });
});
