import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { until } from '../helpers/wait.ts';
const later = (time: string) => until('the clock moves on', () => Date.now() > Date.parse(time));
const message = { role: 'user', content: 'hello' };

describe('the list of sessions', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  describe('of five', () => {
    const times = new Map<string, string>();
    const timeOf = (id: string) => times.get(id) ?? '';
    const create = async (fields: Parameters<Client['sessions']['create']>[0] & { id: string }) => {
      const { createdAt } = await client.sessions.create(fields);
      times.set(fields.id, createdAt);
      await later(createdAt);
    };
    beforeAll(async () => {
      await create({ id: 'b', status: 'active', model: 'm-1', workingDirectory: '/one', metadata: { big: 'x' } });
      await create({ id: 'a', status: 'paused', model: 'm-1', workingDirectory: '/two' });
      await create({ id: 'd', status: 'completed', model: 'm-2', workingDirectory: '/one' });
      await create({ id: 'c', status: 'abandoned' });
      await create({ id: 'é', status: 'active', model: 'M-1' });
    });

    type Input = Parameters<Client['sessions']['list']>[0];
    const ids = async (input: Input = {}) => itemsOf(await client.sessions.list(input)).map(({ id }) => id);

    it('holds summaries without metadata and holder, in one page without a cursor', async () => {
      const page = await client.sessions.list({ sort: 'id' });
      expect(page).toMatchObject({ nextCursor: null, damagedCount: 0 });
      const { metadata: _, lease: _lease, ...summary } = await client.sessions.get({ id: 'a' });
      expect(page.items[0]).toEqual(summary);
      expect(page.items.some((item) => 'metadata' in item || 'lease' in item)).toBe(false);
    });

    it.each([
      [{ status: 'active' }, ['b', 'é']],
      [{ status: 'abandoned' }, ['c']],
      [{ model: 'm-1' }, ['a', 'b']],
      [{ model: 'none' }, []],
      [{ workingDirectory: '/one' }, ['b', 'd']],
      [{ workingDirectory: '/one', status: 'completed', model: 'm-2' }, ['d']],
    ] as const)('keeps what %o asks for', async (filter, expected) => {
      expect((await ids(filter)).toSorted()).toEqual(expected);
    });

    it('keeps what changed strictly after and before a time', async () => {
      expect((await ids({ updatedAfter: timeOf('a') })).toSorted()).toEqual(['c', 'd', 'é']);
      expect((await ids({ updatedBefore: timeOf('d') })).toSorted()).toEqual(['a', 'b']);
      expect(await ids({ updatedAfter: timeOf('a'), updatedBefore: timeOf('c') })).toEqual(['d']);
    });

    it('sorts by last change, newest first, by creation, or by id', async () => {
      expect(await ids()).toEqual(['é', 'c', 'd', 'a', 'b']);
      expect(await ids({ order: 'asc' })).toEqual(['b', 'a', 'd', 'c', 'é']);
      expect(await ids({ sort: 'createdAt' })).toEqual(['b', 'a', 'd', 'c', 'é']);
      expect(await ids({ sort: 'createdAt', order: 'desc' })).toEqual(['é', 'c', 'd', 'a', 'b']);
      expect(await ids({ sort: 'id' })).toEqual(['a', 'b', 'c', 'd', 'é']);
      expect(await ids({ sort: 'id', order: 'desc' })).toEqual(['é', 'd', 'c', 'b', 'a']);
    });

    it('puts a session that got a message first, and counts it', async () => {
      await client.sessions.append({ id: 'b', messages: [message, message] });
      const [first] = itemsOf(await client.sessions.list({ limit: 1 }));
      expect(first).toMatchObject({ id: 'b', head: 2, messageCount: 2, preview: 'hello' });
      expect(await ids({ updatedAfter: timeOf('é') })).toEqual(['b']);
    });
  });

  it.each(['updatedAt', 'createdAt', 'id'] as const)(
    'by %s holds what does not change during a walk exactly once, while others change',
    async (sort) => {
      for (const order of ['asc', 'desc'] as const) {
        const own = home.client({ app: `walk-${sort.toLowerCase()}-${order}` });
        const names = Array.from({ length: 60 }, (_, index) => `s${String(index).padStart(2, '0')}`);
        await Promise.all(names.map((id) => own.sessions.create({ id })));
        const busy = names.filter((_, index) => index % 2 === 0);
        let turn = 0;
        const pages = await walk(async (cursor) => {
          // Not for ever: by last change, oldest first, what changes is always still to come.
          if (turn++ < 12) {
            await Promise.all(busy.map((id) => own.sessions.append({ id, messages: [message] })));
            await own.sessions.create({ id: `new-${turn}` });
          }
          return own.sessions.list({ sort, order, limit: 7, ...cursor });
        });
        const seen = itemsOf(pages).map(({ id }) => id);
        const still = names.filter((id) => !busy.includes(id));
        expect(seen.filter((id) => still.includes(id)).toSorted()).toEqual(still);
        expect(pages.every(({ items }) => items.length <= 7)).toBe(true);
        // By last change, what changed may be met again; otherwise nothing is.
        expect(new Set(seen).size === seen.length || sort === 'updatedAt').toBe(true);
      }
    },
  );
});
