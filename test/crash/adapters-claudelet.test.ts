import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { SessionData } from '../integration/claudelet-sessions.ts';
import { messageQueue } from '../helpers/adapters/claudelet-queue.ts';
import { newSession, sessionStorage } from '../helpers/adapters/claudelet-sessions.ts';
import { fileWatcher } from '../helpers/adapters/claudelet-watcher.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import type { TerminalReport } from './adapters-claudelet-process.ts';

// Claudelet's session storage, message queue and file watcher on top of the client: what they were told is stored is there,
// over kills of the daemon and with several terminals at once.

const module = join(import.meta.dirname, 'adapters-claudelet-process.ts');

let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

const terminal = (): Client => home.client({ app: 'claudelet', deadlineMs: 90_000 });
async function restart(): Promise<void> {
  await daemon.end('SIGKILL');
  daemon = await home.start();
}
const contents = ({ messages }: SessionData) => messages.map(({ content }) => content as string);

describe('two terminals in one session, one queue, and the daemon is killed', () => {
  const id = 'shared';
  const waiting = Array.from({ length: 20 }, (_, n) => `message-${n}`);
  let before: { session: string[]; queue: string[] };
  let reports: TerminalReport[];
  let stored: SessionData;
  beforeAll(async () => {
    const client = terminal();
    await sessionStorage(client).saveSession(newSession(id));
    const queue = messageQueue(client, id);
    for (const one of waiting) await queue.add('go on', one);
    const env = { HOLDFAST_HOME: home.home };
    const running = ['a', 'b'].map((name) => runProcess<TerminalReport>(module, [id, name], env));
    const taken = async () => (await queue.getPending()).every((one) => one.id !== 'message-5');
    await until('some are injected', taken, 60_000);
    await restart();
    const { results } = await client.batch.run({
      atomic: true,
      calls: [
        { op: 'sessions.messages', input: { id, limit: 1000 } },
        { op: 'queues.list', input: { queue: id, limit: 1000 } },
      ],
    });
    const [inSession = [], inQueue = []] = results.map((result) => {
      const { output } = result as { output: { items: { id: string }[]; nextCursor: null; damagedCount: number } };
      return itemsOf(output).map((item) => item.id);
    });
    before = { session: inSession, queue: inQueue };
    for (const { child } of running) child.send('finish');
    reports = (await Promise.all(running.map(({ done }) => done))).flat();
    stored = await sessionStorage(client).loadSessionById(id);
  }, 110_000);

  it('C1: each message that was saved is there once, in the order of its terminal', () => {
    expect(reports).toHaveLength(2);
    for (const [n, { saved }] of reports.entries()) {
      expect(saved.length).toBeGreaterThan(0);
      expect(contents(stored).filter((one) => one.startsWith(n === 0 ? 'a-' : 'b-'))).toEqual(saved);
    }
    expect(stored.outputTokens).toBe(2 * reports.flatMap(({ saved }) => saved).length);
  });

  it('M4, H5: each queued message is in the session or in the queue at any time, and in the end in the session once', async () => {
    // Red control: it was killed in the middle.
    expect(before.session).toContain('message-5');
    expect(before.queue.length).toBeGreaterThan(0);
    expect(before.queue.filter((one) => before.session.includes(one))).toEqual([]);
    expect([...before.session, ...before.queue]).toEqual(expect.arrayContaining(waiting));
    const added = [...waiting, ...reports.flatMap((report) => report.added)];
    expect(reports.flatMap(({ injected }) => injected).toSorted()).toEqual(added.toSorted());
    const users = stored.messages.filter(({ role }) => role === 'user');
    expect(users).toHaveLength(added.length);
    expect(await messageQueue(terminal(), id).getPending()).toEqual([]);
  });
});

describe('the message queue', () => {
  it('H5: three messages, one urgent and taken; terminal and daemon are killed: all are there, urgent first', async () => {
    const client = terminal();
    await sessionStorage(client).saveSession(newSession('queue'));
    const queue = messageQueue(client, 'queue');
    await queue.add('then the tests', 'n1');
    await queue.add('TODO: write it down', 't');
    await queue.add('STOP, not that file', 'u');
    expect((await queue.takeNext(1))?.id).toBe('u');
    await restart();
    const there = (await queue.getPending()).map(({ id, priority }) => `${id} ${priority}`);
    expect(there).toEqual(['u urgent', 'n1 normal', 't todo']);
    const injected: string[] = [];
    for (let next = await queue.injectNext(); next; next = await queue.injectNext()) injected.push(next.id);
    expect(injected).toEqual(['u', 'n1', 't']);
    expect(await queue.getPending()).toEqual([]);
    expect(contents(await sessionStorage(client).loadSessionById('queue'))).toHaveLength(3);
  });

  it('M4: what the session refuses stays in the queue', async () => {
    const [holder, client] = [sessionStorage(terminal()), terminal()];
    await holder.saveSession(newSession('refusing', '/refusing'));
    await holder.resumeSession('/refusing', 'another terminal');
    const queue = messageQueue(client, 'refusing');
    await queue.add('go on', 'm');
    expect((await refusal(queue.injectNext())).code).toBe('leased');
    expect((await queue.getPending()).map(({ id }) => id)).toEqual(['m']);
    expect(contents(await holder.loadSessionById('refusing'))).toEqual([]);
    expect(await queue.injectNext(holder.leaseOf('refusing'))).toMatchObject({ id: 'm' });
  });

  it('H3: changes of few paths from two watchers in any order: the newest of each is indexed last', async () => {
    const [one, two] = [fileWatcher(terminal()), fileWatcher(terminal())];
    const paths = ['/a.ts', '/b.ts', '/c.ts'];
    const changes = Array.from({ length: 60 }, (_, n) => ({ path: paths[n % 3] ?? '', sequence: n, hash: `${n}` }));
    const shuffled = changes.toSorted((a, b) => ((a.sequence * 37) % 61) - ((b.sequence * 37) % 61));
    const indexed = new Map<string, string[]>();
    const indexing = [one, two].map(async (watcher) => {
      while ([...indexed.values()].filter((hashes) => Number(hashes.at(-1)) > 56).length < 3) {
        await watcher.indexNext(async ({ path, hash = '' }) => {
          indexed.set(path, [...(indexed.get(path) ?? []), hash]);
        });
      }
    });
    await Promise.all(
      shuffled.map((change, n) => (n % 2 === 0 ? one : two).handleFileChange({ event: 'change', ...change })),
    );
    await Promise.all(indexing);
    expect(Object.fromEntries([...indexed].map(([path, hashes]) => [path, hashes.at(-1)]))).toEqual({
      '/a.ts': '57',
      '/b.ts': '58',
      '/c.ts': '59',
    });
    expect((await terminal().files.stats()).ready).toBe(0);
  });
});
