import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Random } from '../helpers/model-random.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

type Change = Parameters<Client['files']['push']>[0]['changes'][number];

const plain = (path: string, sequence: number, event: 'add' | 'change' | 'unlink' = 'change'): Change => ({
  event,
  path,
  sequence,
});

describe('changes of files', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  let count = 0;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const fresh = () => (client = home.client({ app: `app-${(count += 1)}` }));
  const push = (...changes: Change[]) => client.files.push({ changes });
  const one = async (about: Parameters<Client['files']['claim']>[0] = {}) => {
    const [item] = (await client.files.claim(about)).items;
    if (!item) throw new Error('there was nothing to claim');
    return item;
  };
  const ack = ({ path, claim, sequence }: { path: string; claim: string; sequence: number }) =>
    client.files.ack({ path, claim, sequence });
  const queued = async () =>
    (await client.files.list()).items.map((item) =>
      'damaged' in item ? item : [item.path, item.event, item.sequence],
    );

  it('are kept one per path: the newest in the place of the first, with all that was said of it', async () => {
    fresh();
    await push(plain('/a', 1, 'add'), plain('/b', 2, 'add'));
    const about = { mtimeMs: 1769860800000.123, size: 5, hash: 'abc' };
    expect(await push({ ...plain('/a', 3), ...about })).toEqual({ queued: 1, superseded: [] });
    expect(await one()).toMatchObject({ path: '/a', event: 'change', sequence: 3, from: null, ...about });
    expect((await one()).path).toBe('/b');
    expect(await client.files.stats()).toMatchObject({ ready: 0, claimed: 2 });
  });

  it('that come late are superseded, by name: none brings back what was unlinked, not even after that was dealt with', async () => {
    fresh();
    await push(plain('/a', 5, 'unlink'));
    expect(await push(plain('/a', 4, 'add'), plain('/a', 5, 'add'))).toEqual({ queued: 0, superseded: ['/a', '/a'] });
    expect(await queued()).toEqual([['/a', 'unlink', 5]]);
    await ack(await one());
    expect(await push(plain('/a', 4, 'add'))).toEqual({ queued: 0, superseded: ['/a'] });
    expect(await queued()).toEqual([]);
    expect(await push(plain('/a', 6, 'add'))).toEqual({ queued: 1, superseded: [] });
    expect(await queued()).toEqual([['/a', 'add', 6]]);
  });

  it('by a rename are an unlink of the old path and the new one', async () => {
    fresh();
    await push(plain('/old', 1, 'add'));
    await push({ event: 'rename', path: '/new', from: '/old', sequence: 2 });
    expect(await queued()).toEqual([
      ['/old', 'unlink', 2],
      ['/new', 'rename', 2],
    ]);
    expect((await client.files.list()).items[1]).toMatchObject({ from: '/old' });
    expect(await push(plain('/old', 1))).toMatchObject({ superseded: ['/old'] });
  });

  it('stay queued when a newer one was pushed than was dealt with, and go to one worker at a time', async () => {
    fresh();
    await push(plain('/a', 1));
    const first = await one();
    await push(plain('/a', 2));
    // Whoever works on the path keeps it to itself.
    expect((await client.files.claim()).items).toEqual([]);
    expect(await ack(first)).toMatchObject({ queued: true });
    const second = await one();
    expect(second).toMatchObject({ path: '/a', sequence: 2, attempts: 1 });
    expect((await refusal(ack(first))).code).toBe('fenced');
    expect((await refusal(ack({ ...second, sequence: 3 }))).details.errors?.[0]?.path).toBe('sequence');
    expect(await ack(second)).toMatchObject({ queued: false });
    expect(await queued()).toEqual([]);
    expect((await refusal(ack({ ...second, path: '/none' }))).code).toBe('invalid_input');
  });

  it('are given back, wait for their time, and are waited for', async () => {
    fresh();
    const waiting = client.files.claim({ waitMs: 60_000, visibilityMs: 1 });
    await push(plain('/a', 1));
    expect((await waiting).items).toMatchObject([{ path: '/a', attempts: 1 }]);
    const again = await one({ waitMs: 60_000 });
    expect(again.attempts).toBe(2);
    const { path, claim } = again;
    const nacked = await client.files.nack({ path, claim, delayMs: 50, reason: 'busy' });
    expect(nacked).toMatchObject({ state: 'delayed', reason: 'busy' });
    expect((await one({ waitMs: 60_000 })).attempts).toBe(3);
  });

  it('are pushed once for one key, and with other records in one atomic batch', async () => {
    fresh();
    const changes = [plain('/a', 1)];
    const answer = await client.files.push({ changes }, { key: 'k' });
    expect(await client.files.push({ changes }, { key: 'k' })).toEqual(answer);
    const { path, claim, sequence } = await one();
    const ackCall = { op: 'files.ack', input: { path, claim, sequence } } as const;
    const pushCall = (other: string) => ({ op: 'files.push' as const, input: { changes: [plain(other, 1)] } });
    const addCall = { op: 'queues.add', input: { queue: 'q', id: 'x', body: {} } } as const;
    await client.batch.run({ atomic: true, calls: [pushCall('/b'), addCall, ackCall] });
    expect(await queued()).toEqual([['/b', 'change', 1]]);
    const twice = client.batch.run({ atomic: true, calls: [pushCall('/c'), addCall] });
    expect((await refusal(twice)).code).toBe('exists');
    expect(await queued()).toEqual([['/b', 'change', 1]]);
  });

  it('H3: many changes of few paths in any order, over a kill: the last content dealt with is the newest of each path', async () => {
    fresh();
    const random = new Random(7);
    const paths = ['/a', '/b', '/c', '/d'];
    const all = Array.from({ length: 1200 }, (_, index) =>
      plain(random.pick(paths) ?? '', index + 1, random.pick(['add', 'change', 'unlink'] as const)),
    );
    const newest = new Map(all.map((change) => [change.path, [change.event, change.sequence]]));
    const shuffled = all.map((change) => [random.next(), change] as const).toSorted(([a], [b]) => a - b);
    const pushers = [0, 1, 2, 3].map(async (part) => {
      const mine = home.client({ app: `app-${count}` });
      const changes = shuffled.filter((_, index) => index % 4 === part).map(([, change]) => change);
      await Promise.all(changes.map((change) => mine.files.push({ changes: [change] })));
    });
    let over = false;
    const dealt = new Map<string, unknown[]>();
    let rounds = 0;
    const worker = async () => {
      const mine = home.client({ app: `app-${count}` });
      for (;;) {
        const last = over;
        const { items } = await mine.files.claim({ max: 2, visibilityMs: 86_400_000, waitMs: 50 });
        if (items.length === 0 && last) return;
        rounds += items.length;
        for (const { path, event, sequence, claim } of items) {
          expect(sequence).toBeGreaterThan(Number(dealt.get(path)?.[1] ?? 0));
          dealt.set(path, [event, sequence]);
          await mine.files.ack({ path, claim, sequence });
        }
      }
    };
    const workers = Promise.all([worker(), worker()]);
    await until('changes are dealt with', () => rounds > 3, 60_000);
    await daemon.end('SIGKILL');
    daemon = await home.start();
    await Promise.all(pushers);
    over = true;
    await workers;
    expect(dealt).toEqual(newest);
    expect(await queued()).toEqual([]);
  });
});
