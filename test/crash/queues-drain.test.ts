import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Change } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { runProcess } from '../helpers/processes.ts';
import { drainFlaws, type Drain } from '../helpers/queue-log.ts';
import { until } from '../helpers/wait.ts';
import type { Drained } from './queues-drain-process.ts';

// Acceptance 2 of the plain records, and M4: workers drain a queue while the daemon is killed, one of their processes too.
// Each message is done once, with its session in the same transaction; what nobody ended returns after its time; urgent
// ones are always given out first. HOLDFAST_QUEUE_MESSAGES=10000 makes it 20 workers, and a kill each second.

const total = Number(process.env['HOLDFAST_QUEUE_MESSAGES'] ?? 1500);
const whole = total >= 10_000;
const [processes, each] = whole ? [5, 4] : [2, 4];
const kills = 3;
const rules: Drain = { visibilityMs: 1000, isUrgent: (id) => id.startsWith('u') };

it(
  `M4: ${processes * each} workers drain ${total} messages, each with an append, while the daemon is killed`,
  async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client({ app: 'drain', deadlineMs: 60_000 });
    const add = (index: number) => {
      const urgent = index % 5 === 4;
      const about = urgent ? { priority: 'urgent' as const } : {};
      return client.queues.add({ queue: 'drain', id: `${urgent ? 'u' : 'n'}${index}`, body: { index }, ...about });
    };
    const added = Array.from({ length: total }, (_, index) => index);
    await Promise.all(added.slice(0, total / 2).map(add));

    const reports: Drained[] = [];
    const start = (number: number) => {
      const env = { HOLDFAST_HOME: home.home };
      const args = [number, each, rules.visibilityMs].map(String);
      const worker = runProcess<Drained>(join(import.meta.dirname, 'queues-drain-process.ts'), args, env);
      worker.child.on('message', (report: Drained) => reports.push(report));
      return worker;
    };
    const workers = Array.from({ length: processes }, (_, number) => start(number));
    const later = Promise.all(added.slice(total / 2).map(add));

    const left = async () => (await client.queues.stats()).queues.length > 0;
    const killed = Promise.allSettled([workers[0]?.done]);
    let round = 0;
    for (; whole ? await left() : round < kills; round++) {
      const goal = ((round + 1) * total) / (kills + 2);
      const second = performance.now() + 1000;
      const isTime = () => (whole ? performance.now() > second : reports.length >= goal);
      await until('messages are drained', isTime, 60_000);
      if (round === 1) {
        workers.shift()?.child.kill('SIGKILL');
        workers.push(start(processes));
      }
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    await later;
    await until('the queue is empty', async () => !(await left()), 60_000);
    for (const { child } of workers) child.send('stop');
    await Promise.all(workers.map(({ done }) => done));
    await killed;

    const log: Change[] = [];
    await client.queues.add({ queue: 'end', id: 'end', body: {} });
    for await (const change of client.changes({ after: '0', kind: ['queue', 'claim'] })) {
      if (change.id === 'end/end') break;
      log.push({ ...change, id: change.id.replace('drain/', '') });
    }
    expect(drainFlaws(log, rules)).toEqual([]);
    expect(log.filter(({ op }) => op === 'queues.ack')).toHaveLength(total);
    // Some messages were given out more than once, and somebody was killed while he held some.
    expect(log.filter(({ op }) => op === 'queues.claim').length).toBeGreaterThan(total);
    const told = reports.flatMap((report) => ('acked' in report ? [report.acked] : []));
    expect(new Set(told).size).toBe(told.length);
    expect(reports.filter((report) => 'error' in report)).toEqual([]);
    expect(round).toBeGreaterThanOrEqual(kills);

    // M4: what is done is in exactly one session, and nothing else is.
    const sessions = (await client.sessions.list({ limit: 1000 })).items;
    const done = await Promise.all(
      sessions.map(async ({ id }) => {
        const ids: string[] = [];
        for await (const line of client.sessions.stream({ id }))
          if ('id' in line && 'seq' in line) ids.push(String(line.id));
        return ids;
      }),
    );
    expect(done.flat().toSorted()).toEqual(log.flatMap(({ op, id }) => (op === 'queues.ack' ? [id] : [])).toSorted());
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    expect(integrityOf(home.paths.database)).toBe('ok');
  },
  whole ? 900_000 : 180_000,
);

const at = (ms: number) => new Date(1_000_000 + ms).toISOString();
const [add, claim, ack] = ['queues.add', 'queues.claim', 'queues.ack'];
const change = (op: string | undefined, id: string, ms: number) => ({ op: op ?? '', id, at: at(ms) });

it('red control: a log tells each promise that is broken', () => {
  const good = [change(add, 'n1', 0), change(claim, 'n1', 1), change(claim, 'n1', 1001), change(ack, 'n1', 1002)];
  const flaws = (...log: typeof good) => drainFlaws(log, rules);
  expect(flaws(...good)).toEqual([]);
  expect(flaws(...good.slice(0, 3))).toEqual(['n1 was not done']);
  expect(flaws(...good, change(ack, 'n1', 1003))).toEqual(['queues.ack of n1, which is not there']);
  expect(flaws(...good, change(claim, 'n1', 1003))).toEqual(['queues.claim of n1, which is not there']);
  expect(flaws(...good.with(2, change(claim, 'n1', 1000)))).toEqual(['n1 was given to two at once']);
  const urgent = [change(add, 'u1', 0), change(claim, 'u1', 2), change(ack, 'u1', 3)];
  expect(flaws(...urgent.slice(0, 1), ...good, ...urgent.slice(1))).toContain('n1 came before u1, which is urgent');
});
