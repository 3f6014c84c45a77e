import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import type { Report } from './lease-race-process.ts';

// Invariant: at one time a session has one holder at most. So what was written under one token stands together: nobody
// else's write is among it, however late the last of it came.

const module = join(import.meta.dirname, 'lease-race-process.ts');

/** Starts a process of each owner, lets them go at once, and answers their reports when all have ended. */
async function race(home: TestHome, mode: string, owners: string[], sessions: string[]): Promise<Report[]> {
  const workers = owners.map((owner) =>
    runProcess<Report>(module, [mode, owner, ...sessions], { HOLDFAST_HOME: home.home }),
  );
  let ready = 0;
  for (const { child } of workers) child.once('message', () => ready++);
  try {
    await until('all are ready', () => ready === workers.length, 30_000);
    for (const { child } of workers) child.send('go');
    return (await Promise.all(workers.map(({ done }) => done))).flat();
  } finally {
    for (const { child } of workers) child.kill('SIGKILL');
  }
}

/** The runs that are in more than one piece: somebody else wrote in between. */
function torn(runs: unknown[]): unknown[] {
  const pieces = runs.filter((run, index) => run !== runs[index - 1]);
  return [...new Set(pieces.filter((run, index) => pieces.indexOf(run) !== index))];
}

const named = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe('acceptance 2: many processes want the same lease', () => {
  it('of 6 that ask for each of 30 leases at once, one gets it', async () => {
    await using home = new TestHome();
    await home.start();
    const sessions = named('s', 30);
    const client = home.client();
    for (const id of sessions) await client.sessions.create({ id });
    const reports = await race(home, 'once', named('owner', 6), sessions);
    const won = reports.flatMap((report) => ('won' in report ? [report.won] : []));
    expect(won.toSorted()).toEqual(sessions.toSorted());
  });

  it('red control: by force every one of them gets it, and the count says so', async () => {
    await using home = new TestHome();
    await home.start();
    await home.client().sessions.create({ id: 's' });
    const reports = await race(home, 'once', named('force', 3), ['s']);
    expect(reports.filter((report) => 'won' in report)).toHaveLength(3);
  });

  it('of 5 that take turns and overstay, none writes among what another wrote, and nothing told is lost', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    const { id } = await client.sessions.create();
    const reports = await race(home, 'turns', named('owner', 5), [id]);
    const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, ...cursor })));
    expect(torn(stored.map(({ run }) => run))).toEqual([]);
    const told = reports.flatMap((report) => ('run' in report ? [`${report.run}: ${report.n}`] : []));
    expect(stored.map(({ run, n }) => `${String(run)}: ${String(n)}`).toSorted()).toEqual(told.toSorted());
    // Nobody was left waiting, and some came too late.
    const fenced = reports.flatMap((report) => ('fenced' in report ? [report.fenced] : []));
    expect(new Set([...stored.map(({ run }) => run), ...fenced]).size).toBe(20);
    expect(fenced).not.toEqual([]);
  });

  it('red control: one that drops its token writes among what another wrote, and the check tells', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    const { id } = await client.sessions.create();
    const write = (run: string, lease?: string) =>
      client.sessions.append({ id, messages: [{ run }], ...(lease !== undefined && { lease }) });
    const first = await client.leases.acquire({ id, owner: 'first' });
    await write('first', first.token);
    const second = await client.leases.acquire({ id, owner: 'second', force: true });
    await write('second', second.token);
    await client.leases.release({ id, token: second.token });
    expect((await refusal(write('first', first.token))).code).toBe('fenced');
    await write('first');
    const stored = itemsOf(await client.sessions.messages({ id }));
    expect(torn(stored.map(({ run }) => run))).toEqual(['first']);
  });

  it('an acquire under which the daemon is killed gives the token that holds', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    const { id } = await client.sessions.create();
    for (let kill = 0; kill < 5; kill++) {
      const acquired = client.leases.acquire({ id, owner: `after ${kill}`, force: true });
      await daemon.end('SIGKILL');
      daemon = await home.start();
      const { token } = await acquired;
      await client.sessions.append({ id, messages: [{ kill }], lease: token });
      expect((await client.sessions.get({ id })).lease?.owner).toBe(`after ${kill}`);
    }
  });
});
