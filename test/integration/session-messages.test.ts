import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const MiB = 1024 * 1024;
// seq 1 is of the system, then user, assistant and tool take turns.
const roleOf = (seq: number) => (seq === 1 ? 'system' : (['user', 'assistant', 'tool'][seq % 3] ?? ''));

describe('the messages of a session', () => {
  let home: TestHome;
  let client: Client;
  const id = 'conversation';
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.sessions.create({ id });
    await client.sessions.append({ id, messages: range(1, 250).map((seq) => ({ role: roleOf(seq), n: seq })) });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  type Input = Omit<Parameters<Client['sessions']['messages']>[0], 'id'>;
  const read = (input: Input = {}) => client.sessions.messages({ id, ...input });
  const seqs = async (input?: Input) => itemsOf(await read(input)).map(({ seq }) => seq);
  const walked = async (input: Input) =>
    itemsOf(await walk((cursor) => read({ ...input, ...cursor }))).map(({ seq }) => seq);

  it('come oldest first, 100 at a time, with the head', async () => {
    const page = await read();
    expect(page).toMatchObject({ damagedCount: 0, head: 250, nextCursor: expect.any(String) });
    expect(itemsOf(page).map(({ seq, n }) => [seq, n])).toEqual(range(1, 100).map((seq) => [seq, seq]));
  });

  it.each([
    [{ limit: 7 }, range(1, 250)],
    [{ limit: 7, order: 'desc' }, range(1, 250).toReversed()],
    [{ limit: 125 }, range(1, 250)],
    [{ limit: 250, order: 'desc' }, range(1, 250).toReversed()],
    [{ limit: 9, after: 200 }, range(201, 250)],
    [{ limit: 9, before: 51, order: 'desc' }, range(1, 50).toReversed()],
    [{ limit: 9, after: 100, before: 131 }, range(101, 130)],
    [{ limit: 9, after: 100, before: 131, order: 'desc' }, range(101, 130).toReversed()],
    [{ limit: 5, role: 'tool' }, range(2, 250).filter((seq) => roleOf(seq) === 'tool')],
    [
      { limit: 5, role: 'user', order: 'desc', after: 30 },
      range(31, 250)
        .filter((seq) => roleOf(seq) === 'user')
        .toReversed(),
    ],
    [{ after: 250 }, []],
    [{ before: 1 }, []],
    [{ after: 20, before: 10 }, []],
    [{ role: 'nobody' }, []],
  ] as const)('are reached by walking, without gaps or repeats: %o', async (input, expected) => {
    expect(await walked(input)).toEqual(expected);
  });

  it('are found by the newest so many, oldest of them first', async () => {
    expect(await seqs({ last: 3 })).toEqual([248, 249, 250]);
    expect(await seqs({ last: 1000 })).toEqual(range(1, 250));
    expect(await seqs({ last: 2, before: 101 })).toEqual([99, 100]);
    expect(await seqs({ last: 1, role: 'system' })).toEqual([1]);
  });

  it('appended during a walk are met at its end, once', async () => {
    const other = (await client.sessions.create()).id;
    await client.sessions.append({ id: other, messages: range(1, 10).map((n) => ({ n })) });
    let turn = 0;
    const pages = await walk(async (cursor) => {
      if (turn++ < 4) await client.sessions.append({ id: other, messages: [{ n: 10 + turn }] });
      return client.sessions.messages({ id: other, limit: 3, ...cursor });
    });
    expect(itemsOf(pages).map(({ n }) => n)).toEqual(range(1, 14));
  });

  it('of an empty session are none', async () => {
    const { id: empty } = await client.sessions.create();
    for (const input of [{}, { order: 'desc' as const }, { last: 5 }, { after: 3 }]) {
      const page = await client.sessions.messages({ id: empty, ...input });
      expect(page).toEqual({
        items: [],
        nextCursor: null,
        damagedCount: 0,
        head: 0,
        generation: 0,
        deliveries: [],
      });
    }
  });

  it('are found by any role that a filter can name', async () => {
    const { id: other } = await client.sessions.create();
    const roles = ['développeur', 'agent/planner', 'a, b', '助手'];
    await client.sessions.append({ id: other, messages: roles.map((role) => ({ role })) });
    for (const role of roles) {
      expect(itemsOf(await client.sessions.messages({ id: other, role }))).toMatchObject([{ role }]);
    }
  });

  it('of one role are reached beyond ten thousand others', async () => {
    const { id: long } = await client.sessions.create();
    await client.sessions.append({ id: long, messages: [{ role: 'system' }] });
    const others = Array.from({ length: 1000 }, () => ({ role: 'user' }));
    for (let time = 0; time < 11; time++) await client.sessions.append({ id: long, messages: others });
    for (const order of ['asc', 'desc'] as const) {
      const pages = await walk((cursor) => client.sessions.messages({ id: long, role: 'system', order, ...cursor }));
      expect(itemsOf(pages).map(({ seq }) => seq)).toEqual([1]);
    }
    const newest = await client.sessions.messages({ id: long, role: 'system', last: 1 });
    // Finding it at once or saying that there is more: both are honest.
    expect(newest.items.length === 1 || newest.nextCursor !== null).toBe(true);
  });

  describe('of 1 MiB each', () => {
    const large = 'large';
    beforeAll(async () => {
      await client.sessions.create({ id: large });
      for (const n of range(1, 10)) await client.sessions.append({ id: large, messages: [{ n, x: 'x'.repeat(MiB) }] });
    });

    it.each(['asc', 'desc'] as const)('end a page at 4 MiB, and walking %s reaches all', async (order) => {
      const pages = await walk((cursor) => client.sessions.messages({ id: large, order, ...cursor }));
      expect(pages.length).toBeGreaterThan(1);
      expect(pages.slice(0, -1).every(({ items }) => items.length >= 3 && items.length <= 4)).toBe(true);
      expect(itemsOf(pages).map(({ seq }) => seq)).toEqual(order === 'asc' ? range(1, 10) : range(1, 10).toReversed());
    });

    it('are not left out in silence when the newest ten are asked for', async () => {
      const page = await client.sessions.messages({ id: large, last: 10 });
      expect(itemsOf(page).at(-1)?.seq).toBe(10);
      expect(page.items.length === 10 || page.nextCursor !== null).toBe(true);
    });

    it('larger than a page come alone', async () => {
      const { id: huge } = await client.sessions.create();
      for (const n of [1, 2]) await client.sessions.append({ id: huge, messages: [{ n, x: 'x'.repeat(5 * MiB) }] });
      const pages = await walk((cursor) => client.sessions.messages({ id: huge, ...cursor }));
      expect(pages.map(({ items }) => items.length)).toEqual([1, 1]);
    });
  });
});
