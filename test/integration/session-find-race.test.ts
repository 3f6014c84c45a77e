import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { until } from '../helpers/wait.ts';

// P1.2 of the findings: a sweep that reads, decides and then writes marks a session that somebody went on with in between.
// Invariant: whatever abandons a session has seen its newest message, and that message was idle long enough.

const idleMs = 60;
const ids = ['a', 'b', 'c', 'd'];

/** What the log of a daemon that has ended says of each abandoned session: milliseconds since its newest change. */
function idleTimes(database: string): number[] {
  const db = new DatabaseSync(database, { readOnly: true });
  const rows = db
    .prepare(
      `SELECT change.at - (SELECT max(before.at) FROM log before JOIN branch b ON b.branch = before.branch
         WHERE b.session_no = s.session_no AND before.position < change.position) AS idle
       FROM log change JOIN session s ON s.app = change.app AND s.id = change.id
       WHERE change.kind = 'session' AND change.op IN ('sessions.abandon', 'sessions.update')`,
    )
    .all();
  db.close();
  return rows.map(({ idle }) => Number(idle));
}

async function prepared() {
  const home = new TestHome();
  const daemon = await home.start();
  const client = home.client();
  for (const id of ids) {
    await client.sessions.create({ id });
    await client.sessions.append({ id, messages: [{ n: 0 }] });
  }
  return { home, daemon, client, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

/** Appends without a pause but for some that are longer than the idle time; answers how many it was told are stored. */
async function exchange(client: Client, id: string, enough: () => boolean): Promise<number> {
  let n = 0;
  while (!enough()) {
    await client.sessions.append({ id, messages: [{ n: n + 1 }], status: 'active' });
    n += 1;
    if (n % 5 === 0) await sleep(idleMs + (n % 4) * 10);
  }
  return n;
}

it('P1.2: exchanges go on while two sweeps abandon what is idle: none is lost, and none is overtaken', async () => {
  await using set = await prepared();
  const { home, daemon, client } = set;
  const marked: string[] = [];
  const ended = { exchanges: false };
  const sweep = async (sweeper: Client) => {
    while (!ended.exchanges) marked.push(...(await sweeper.sessions.abandon({ idleMs })).abandoned);
  };
  const sweeps = [home.client(), home.client()].map(sweep);
  const enough = () => marked.length > 40;
  const counts = await Promise.all(ids.map((id) => exchange(home.client(), id, enough)));
  ended.exchanges = true;
  await Promise.all(sweeps);

  for (const [index, id] of ids.entries()) {
    const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
    expect(stored.map(({ n }) => n)).toEqual(Array.from({ length: (counts[index] ?? 0) + 1 }, (_, n) => n));
  }
  await daemon.end();
  const idle = idleTimes(home.paths.database);
  // Each marking is in the log once, so each was told to one sweep only.
  expect(idle).toHaveLength(marked.length);
  expect(Math.min(...idle)).toBeGreaterThanOrEqual(idleMs);
});

it('red control: a sweep that reads, decides and then writes overtakes a fresh message, and the check tells', async () => {
  await using set = await prepared();
  const { home, daemon, client } = set;
  const long = 5_000;
  const idle = await until(
    'all are idle',
    async () => {
      const { items } = await client.sessions.list({ updatedBefore: new Date(Date.now() - long).toISOString() });
      return items.length === ids.length && items;
    },
    30_000,
  );
  const [id = ''] = idle.map((session) => session.id);
  await home.client().sessions.append({ id, messages: [{ n: 1 }] });
  await client.sessions.update({ id, patch: { status: 'abandoned' } });
  await daemon.end();
  expect(Math.min(...idleTimes(home.paths.database))).toBeLessThan(long);
});
