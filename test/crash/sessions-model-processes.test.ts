import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { broken, type Placed, type Report, type Stored } from '../helpers/model-invariants.ts';
import { stepCount, timeFor } from '../helpers/model-run.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';

// Invariant: processes that append, replace and fork at once, over kills of the daemon, lose nothing acknowledged but
// what a replace dropped on purpose, and every fork keeps the messages that it was made with.

// The session stays within one page.
const turns = Math.min(80, stepCount(25));
const kinds = { append: 5, replace: 3, fork: 2 };
const kills = 3;
const module = join(import.meta.dirname, '..', 'integration', 'sessions-model-process.ts');

const messagesOf = async (client: Client, id: string) =>
  itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor }))) as Placed[];

async function readBack(client: Client, reports: Report[]): Promise<Stored> {
  const { generation, inputTokens } = await client.sessions.get({ id: 'shared' });
  const messages = await messagesOf(client, 'shared');
  return { generation, inputTokens, messages, forks: await readForks(client, reports) };
}

async function readForks(client: Client, reports: Report[]): Promise<Stored['forks']> {
  const forks = reports.flatMap((report) => ('fork' in report ? [report.fork] : []));
  return new Map(await Promise.all(forks.map(async (id) => [id, await messagesOf(client, id)] as const)));
}

it(
  'processes append to, replace and fork one session at once while the daemon is killed: nothing acknowledged is lost',
  async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client({ app: 'many' });
    await client.sessions.create({ id: 'shared' });
    await client.sessions.append({ id: 'shared', messages: [{ id: '99-1' }], usage: { inputTokens: 1 } });
    const reports: Report[] = [{ appended: ['99-1'] }];
    let ended = 0;
    const env = { HOLDFAST_HOME: home.home };
    const processes = Object.entries(kinds)
      .flatMap(([kind, count]) => Array.from({ length: count }, () => kind))
      .map((kind, index) => {
        const process = runProcess<Report>(module, [kind, String(index), String(turns)], env);
        process.child.on('message', (report: Report) => reports.push(report));
        return process.done.finally(() => (ended += 1));
      });
    for (let kill = 1; kill <= kills; kill++) {
      const goal = (kill * turns * processes.length) / (kills + 3);
      await until('the processes go on', () => reports.length >= goal || ended === processes.length, 60_000);
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    await Promise.all(processes);

    const stored = await readBack(client, reports);
    expect(broken(reports, stored)).toEqual([]);
    // Every kind of call took place.
    const count = (kind: string) => reports.filter((report) => kind in report).length;
    expect(Math.min(count('appended'), count('replaced'), count('fork'))).toBeGreaterThan(5);
    expect(reports.some((report) => 'replaced' in report && report.replaced.dropped.length > 0)).toBe(true);

    // The forks outlive the session that they came from, and a restart.
    await client.sessions.delete({ id: 'shared', erase: true });
    await daemon.end();
    await home.start();
    expect(broken(reports, { ...stored, forks: await readForks(client, reports) })).toEqual([]);
  },
  timeFor(turns * 10),
);

const messages = (...ids: string[]) => ids.map((id, index) => ({ id, seq: index + 1 }));

it('red control: the check tells each promise that is broken', () => {
  const reports: Report[] = [
    { appended: ['1-10', '1-11'] },
    { appended: ['2-10'] },
    { replaced: { generation: 1, dropped: ['1-11'], saved: [] } },
    { fork: 'f', messages: messages('1-10') },
  ];
  const good: Stored = {
    messages: messages('1-10', '2-10'),
    generation: 1,
    inputTokens: 3,
    forks: new Map([['f', messages('1-10')]]),
  };
  const flaws = (wrong: Partial<Stored>, more: Report[] = []) => broken([...reports, ...more], { ...good, ...wrong });
  expect(flaws({})).toEqual([]);
  expect(flaws({ messages: messages('2-10') })).toEqual(['1-10 is lost']);
  expect(flaws({ messages: messages('1-10', '2-10', '1-11') })).toEqual(['1-11 was dropped and is there']);
  expect(flaws({ messages: messages('1-10', '2-10', '2-10') })).toEqual(['2-10 is there twice']);
  expect(flaws({ messages: messages('1-12', '1-10', '2-10') })).toEqual(['1-10 is out of order']);
  expect(
    flaws({
      messages: [
        { id: '1-10', seq: 1 },
        { id: '2-10', seq: 3 },
      ],
    }),
  ).toEqual(['message 2 has seq 3']);
  expect(flaws({ generation: 2 })).toEqual(['generation 2 after 1']);
  expect(flaws({ inputTokens: 6 })).toEqual(['6 tokens for 3 messages']);
  expect(flaws({ forks: new Map() })).toEqual(['fork f has no messages that are not its 1']);
  expect(flaws({}, [{ error: 'x' }])).toEqual(['error: x']);
});
