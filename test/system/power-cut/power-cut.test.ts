import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../../client/index.ts';
import { TestHome } from '../../helpers/daemon.ts';
import { runProcess } from '../../helpers/processes.ts';
import { strace } from '../../helpers/strace.ts';
import { until } from '../../helpers/wait.ts';
import type { Job, Result } from './replay-process.ts';
import { recording } from './trace.ts';

// Invariant: a power cut at any moment loses nothing acknowledged and damages nothing, whatever part of the writes
// that no fsync covers reaches the disk. A real run is recorded once, then cut at many points.

const messages = 240;
const cuts = 300;
const traces: string[] = [];
let home: TestHome;

/** Appends messages from..to, by eight clients, which send a request for each: so commits hold several. */
async function append(from: number, to: number): Promise<void> {
  let next = from;
  const writer = async () => {
    const client = home.client();
    for (let n = next++; n <= to; n = next++) {
      await client.sessions.append({ id: 's', messages: [{ id: `m-${n}`, content: 'x'.repeat((n * 37) % 3000) }] });
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}

/** Runs a daemon under strace. */
async function recorded(signal: NodeJS.Signals, run: (client: Client) => Promise<void>): Promise<void> {
  const { wrapper, finished } = strace(home, [], recording);
  const daemon = await home.start({ wrapper });
  await run(home.client());
  await daemon.end(signal);
  traces.push(await finished(daemon));
}

async function replay(job: Pick<Job, 'mode'> & Partial<Job>): Promise<Result> {
  const all: Job = { traces, database: home.paths.database, withoutSync: [], cuts, ...job };
  const { child, done } = runProcess<Result>(join(import.meta.dirname, 'replay-process.ts'), [], {});
  child.send(all);
  const [result] = await done;
  if (!result) throw new Error('the replay answered nothing');
  return result;
}

describe('a power cut', () => {
  beforeAll(async () => {
    home = new TestHome();
    // A new store, an idle checkpoint, a killed daemon, a start that finds its WAL, and a clean stop.
    await recorded('SIGKILL', async (client) => {
      await client.sessions.create({ id: 's' });
      await append(1, 80);
      await until('the idle checkpoint', async () => (await client.system.health()).walBytes === 0);
      await append(81, 160);
    });
    await recorded('SIGTERM', () => append(161, messages));
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each(['drop', 'subset', 'torn'] as const)('un-fsynced writes: %s; nothing acknowledged is lost', async (mode) => {
    const { seen, bad, ...made } = await replay({ mode });
    expect(bad).toEqual([]);
    expect(made).toMatchObject({ acknowledged: messages, cuts });
    expect(seen['write']).toBeGreaterThan(messages);
    expect(seen['sync']).toBeGreaterThan(20);
  });

  it('the daemon itself starts from what a cut leaves, and serves every acknowledged message', async () => {
    await using images = new TestHome();
    const { kept } = await replay({ mode: 'subset', cuts: 0, keep: { folder: images.home, count: 16 } });
    expect(kept).toHaveLength(16);
    for (const { data, ids } of kept) {
      await using cut = new TestHome();
      await using client = cut.client({ socket: join(dirname(data), 'state', 'holdfast.sock') });
      const daemon = await cut.start({ env: { HOLDFAST_HOME: dirname(data) } });
      expect((await client.system.health()).pid).toBe(daemon.pid);
      const { items } = ids.length > 0 ? await client.sessions.messages({ id: 's', limit: 1000 }) : { items: [] };
      const stored = new Set(items.map((item) => ('id' in item ? item.id : 'damaged')));
      expect(ids.filter((id) => !stored.has(id))).toEqual([]);
      expect(await daemon.end()).toEqual({ code: 0, signal: null });
    }
  });

  it.each([
    ['no fsync at all, as synchronous = OFF', ['']],
    ['no fsync of the -wal, as synchronous = NORMAL', ['-wal']],
    ['no fsync of the directory of a new store', ['/data']],
  ])('red control: %s loses acknowledged messages', async (_, withoutSync) => {
    const { bad } = await replay({ mode: 'drop', withoutSync });
    expect(bad.length).toBeGreaterThan(cuts / 4);
    expect(bad.join('\n')).toContain('lost');
  });
});
