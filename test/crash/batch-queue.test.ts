import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// Invariant: what one process writes at once happens once and in the order it was written, whenever and however often the
// daemon is killed meanwhile. Messages have no ids here, so that one sent twice would be stored twice.

const kills = 4;

async function stored(client: Client): Promise<number[]> {
  const all: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.sessions.messages({ id: 's', limit: 1000, ...(cursor && { cursor }) });
    all.push(...(page.items as unknown as { n: number }[]).map(({ n }) => n));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return all;
}

describe('the write queue of a client', () => {
  it(`${kills} kills of the daemon under it: each write once, in order, and no call fails`, async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    let [made, answered] = [0, 0];
    const errors: unknown[] = [];
    const heads: number[] = [];
    const write = () => {
      const n = made++;
      const call = client.sessions.append({ id: 's', messages: [{ n, text: 'x'.repeat((n % 7) * 300) }] });
      void call.then(
        ({ head }) => {
          heads[n] = head;
          answered += 1;
        },
        (error: unknown) => errors.push(error),
      );
    };
    for (let kill = 0; kill < kills; kill++) {
      const enough = answered + 1 + Math.floor(Math.random() * 300);
      const more = setInterval(() => made - answered < 400 && Array.from({ length: 40 }, write), 1);
      await until('writes are answered', () => answered >= enough || errors.length > 0);
      await daemon.end('SIGKILL');
      clearInterval(more);
      daemon = await home.start();
    }
    await until('all writes are answered', () => answered + errors.length === made, 30_000);
    expect(errors).toEqual([]);
    const order = Array.from({ length: made }, (_, n) => n);
    expect(await stored(client)).toEqual(order);
    expect(heads).toEqual(order.map((n) => n + 1));
  });

  it('kills while a batch made by hand is under way: its writes happen once', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    let done = 0;
    for (let kill = 0; kill < 2; kill++) {
      // The first of twenty is answered while the others are under way.
      const runs = Array.from({ length: 20 }, (_, index) =>
        client.batch.run({
          calls: Array.from({ length: 50 }, (_each, n) => ({
            op: 'sessions.append' as const,
            input: { id: 's', messages: [{ n: (kill * 20 + index) * 50 + n }] },
          })),
        }),
      );
      const first = await Promise.race(runs);
      expect(first.results).toHaveLength(50);
      await daemon.end('SIGKILL');
      daemon = await home.start();
      for (const { results } of await Promise.all(runs)) done += results.filter(({ status }) => status === 201).length;
    }
    expect(done).toBe(2000);
    expect((await stored(client)).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, n) => n));
  });

  it('red control: writes without a key, sent again after a kill, happen twice', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    await client.sessions.create({ id: 's' });
    const calls = [0, 1].map((n) => ({ op: 'sessions.append', app: 'test', input: { id: 's', messages: [{ n }] } }));
    const post = () => send(home.paths.socket, 'POST', '/v1/batch', { calls });
    await post();
    await daemon.end('SIGKILL');
    await home.start();
    await post();
    expect(await stored(client)).toEqual([0, 1, 0, 1]);
  });
});
