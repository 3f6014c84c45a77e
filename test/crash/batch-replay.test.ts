import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a batch that is sent again after a kill at any moment is answered as the first time and happens once; an atomic
// one is there whole or not at all.

const url = 'https://example.org/feed.xml';
const kills = 3;

const append = (n: number) => ({ op: 'sessions.append', app: 'test', input: { id: 's', messages: [{ n }] } });
const put = (n: number) => ({ op: 'feeds.put', app: 'test', input: { name: `n${n}`, url, ifAbsent: true } });
/** A batch of 50 writes with its number in each of them. */
const batchOf = (n: number, atomic: boolean) => {
  const calls = Array.from({ length: 25 }, (_, index) => [append(n), put(n * 25 + index)]).flat();
  return atomic
    ? { atomic, key: `batch ${n}`, calls }
    : { calls: calls.map((call, index) => ({ ...call, key: `call ${n}.${index}` })) };
};

/** How often each batch shows among the messages of the session: 25 times, or never. */
async function shown(home: TestHome): Promise<Map<number, number>> {
  const client = home.client();
  const counts = new Map<number, number>();
  let cursor: string | undefined;
  do {
    const page = await client.sessions.messages({ id: 's', limit: 1000, ...(cursor && { cursor }) });
    for (const item of page.items as unknown as { n: number }[]) counts.set(item.n, (counts.get(item.n) ?? 0) + 1);
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return counts;
}

describe('a batch and a kill', () => {
  it.each([true, false])(
    'atomic %s: sent again after a kill and a restart, it is answered the same',
    async (atomic) => {
      await using home = new TestHome();
      const first = await home.start();
      await home.client().sessions.create({ id: 's' });
      const post = (body: object) => send(home.paths.socket, 'POST', '/v1/batch', body);
      const answer = await post(batchOf(1, atomic));
      expect([answer.status, answer.text.includes('problem')]).toEqual([200, false]);
      await first.end('SIGKILL');
      const second = await home.start();
      expect((await post(batchOf(1, atomic))).text).toBe(answer.text);
      expect(await shown(home)).toEqual(new Map([[1, 25]]));
      const changed = batchOf(1, atomic);
      changed.calls[0] = { ...changed.calls[0], ...append(2) };
      const other = await post(changed);
      const { status, results } = other.json as { status?: number; results?: { status: number }[] };
      const each = [422, ...Array.from({ length: 49 }, () => 201)];
      expect(results?.map((result) => result.status) ?? status).toEqual(atomic ? 422 : each);
      expect(await shown(home)).toEqual(new Map([[1, 25]]));
      // Red control: a call without its key happens again.
      const unkeyed = (await post({ calls: [append(1)] })).json;
      expect(unkeyed).toMatchObject({ results: [{ status: 201 }] });
      expect(await shown(home)).toEqual(new Map([[1, 26]]));
      await second.end();
    },
  );

  it(`${kills} kills between and during atomic batches: each is there whole, once, or not at all`, async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    await home.client().sessions.create({ id: 's' });
    const answers = new Map<number, string>();
    let next = 0;
    for (let kill = 0; kill < kills; kill++) {
      const [from, enough] = [next, answers.size + 1 + kill];
      const told = { killed: false };
      const writers = Array.from({ length: 4 }, async () => {
        while (!told.killed) {
          const n = next++;
          const reply = await send(home.paths.socket, 'POST', '/v1/batch', batchOf(n, true)).catch(() => undefined);
          if (reply?.status === 200) answers.set(n, reply.text);
        }
      });
      await until('batches are answered', () => answers.size >= enough);
      await daemon.end('SIGKILL');
      told.killed = true;
      await Promise.all(writers);
      daemon = await home.start();
      const counts = await shown(home);
      expect(new Set(counts.values())).toEqual(new Set([25]));
      expect([...answers.keys()].filter((n) => !counts.has(n))).toEqual([]);
      // Sent again: those answered as before, the others now.
      for (let n = from; n < next; n++) {
        const { status, text } = await send(home.paths.socket, 'POST', '/v1/batch', batchOf(n, true));
        expect([n, status]).toEqual([n, 200]);
        expect(text).toBe(answers.get(n) ?? text);
        answers.set(n, text);
      }
      expect(await shown(home)).toEqual(new Map(Array.from({ length: next }, (_, n) => [n, 25])));
    }
    await daemon.end();
    expect(integrityOf(home.paths.database)).toBe('ok');
  });
});
