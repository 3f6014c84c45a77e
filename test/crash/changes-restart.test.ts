import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { until } from '../helpers/wait.ts';

// Invariant: who follows the changes is told of each once, in order, however often the daemon is killed meanwhile.

const url = 'https://example.org/';
let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

async function restart(signal: NodeJS.Signals) {
  await daemon.end(signal);
  daemon = await home.start();
}

/** Writes feeds of an application, one after the other, until it is told to stop; answers how many. */
function writing(app: string) {
  const client = home.client({ app });
  const over = new AbortController();
  const done = (async () => {
    let written = 0;
    for (; !over.signal.aborted; written++) await client.feeds.put({ name: `feed ${written}`, url });
    return written;
  })();
  return { stop: () => (over.abort(), done) };
}

const named = (count: number) => Array.from({ length: count }, (_, n) => `feed ${n}`);

describe('changes over restarts', () => {
  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])(
    'by %s come once and in order through client.changes()',
    async (signal) => {
      const app = `over-${signal.toLowerCase()}`;
      const seen: Change[] = [];
      const stop = new AbortController();
      const following = (async () => {
        for await (const change of home.client({ app }).changes({ after: '0' }, { signal: stop.signal }))
          seen.push(change);
      })();
      const { stop: finish } = writing(app);
      for (let round = 1; round <= 4; round++) {
        const before = seen.length;
        await until('some more are seen', () => seen.length > before + 20, 30_000);
        await restart(signal);
      }
      const written = await finish();
      await until('all are seen', () => seen.length >= written, 30_000);
      expect(seen.map(({ id }) => id)).toEqual(named(written));
      stop.abort();
      await expect(following).rejects.toThrow('aborted');
    },
  );

  it('are lost or told twice by a reader that does not name its place: red control', async () => {
    const app = 'careless';
    const seen: unknown[] = [];
    let told = 0;
    const collect = async (query: string) => {
      using reader = await EventReader.open(home.paths.socket, `?app=${app}${query}`);
      told = 0;
      await until('it is told some', () => (told = reader.changes.length) > 0);
      await until('it ends', () => reader.ended, 30_000);
      seen.push(...reader.changes.map(({ id }) => id));
    };
    const { stop: finish } = writing(app);
    const first = collect('&after=0');
    await until(
      'some are written',
      async () => (await home.client({ app }).feeds.list({ limit: 30 })).items.length > 20,
    );
    await restart('SIGTERM');
    await first;
    told = 0;
    const second = collect('&after=0');
    await until('it was heard', async () => (await home.client().system.health()).status === 'ok');
    await until(
      'more are written',
      async () => (await home.client({ app }).feeds.list({ limit: 1000 })).items.length > 60,
    );
    await until('the second is told some', () => told > 0);
    await restart('SIGTERM');
    await second;
    expect(seen).not.toEqual(named(await finish()).slice(0, seen.length));
  });

  it('end with the reason when the daemon stops, and say when to come again', async () => {
    using reader = await EventReader.open(home.paths.socket);
    await until('it has begun', () => reader.events.length > 0);
    await restart('SIGTERM');
    await until('it has ended', () => reader.ended);
    const last = reader.events.at(-1);
    expect(last?.event).toBe('problem');
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 'shutting_down', retryable: true });
  });
});
