import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a search that more than 10,000 messages match', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    for (const id of ['a', 'b']) {
      await client.sessions.create({ id });
      for (const part of range(0, 4)) {
        const messages = range(1, 1000).map((n) => ({
          role: n === 500 ? 'rare' : 'user',
          text: `heron ${id === 'a' && part === 0 && n <= 50 ? 'heron heron egret' : ''}`,
        }));
        await client.sessions.append({ id, messages });
      }
    }
    await client.search.messages({ q: 'heron', fresh: true });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const search = (q: string, input: object = {}) => client.search.messages({ q, limit: 100, ...input });

  it('of exactly 10,000 they are weighed; of one more the newest come first', async () => {
    const weighed = await search('heron', { limit: 50 });
    expect(weighed.order).toBe('relevance');
    expect(itemsOf(weighed).map(({ session, seq }) => [session, seq])).toEqual(
      range(1, 50)
        .toReversed()
        .map((seq) => ['a', seq]),
    );
    await client.sessions.append({ id: 'b', messages: [{ text: 'heron' }] });
    const { order, items } = await search('heron', { limit: 2 });
    expect({ order, items }).toMatchObject({
      order: 'recency',
      items: [
        { session: 'b', seq: 5001 },
        { session: 'b', seq: 5000 },
      ],
    });
  });

  it('weighs where filters or other words leave fewer', async () => {
    expect(await search('heron', { session: 'a' })).toMatchObject({ order: 'relevance' });
    expect(await search('heron', { role: 'rare' })).toMatchObject({ order: 'relevance', items: { length: 10 } });
    expect(await search('heron egret')).toMatchObject({ order: 'relevance', items: { length: 50 } });
  });

  it('is walked to its end, each hit once, newest first', async () => {
    const places = itemsOf(await walk((cursor) => search('heron', cursor))).map(({ session, seq }) => [session, seq]);
    expect(places).toEqual([
      ...range(1, 5001)
        .toReversed()
        .map((seq) => ['b', seq]),
      ...range(1, 5000)
        .toReversed()
        .map((seq) => ['a', seq]),
    ]);
  });

  it('finds what is left when most of what matches was deleted', async () => {
    await client.sessions.delete({ id: 'b' });
    expect(itemsOf(await search('heron', { limit: 2 })).map(({ session, seq }) => [session, seq])).toEqual([
      ['a', 5000],
      ['a', 4999],
    ]);
    expect(itemsOf(await walk((cursor) => search('heron', cursor)))).toHaveLength(5000);
  });

  it('refuses a cursor with values that no place has, by name', async () => {
    const { nextCursor } = await search('heron', { limit: 1 });
    const [epoch, list] = JSON.parse(Buffer.from(nextCursor ?? '', 'base64url').toString()) as string[];
    for (const place of [
      [1.5, 10],
      [-1, 10],
      [1e300, 10],
      [1, -1],
      [1, 1.5],
      [1],
      [1, 2, 3],
      ['1', '2'],
      [null, null],
    ]) {
      const cursor = Buffer.from(JSON.stringify([epoch, list, ...place])).toString('base64url');
      expect(await refusal(search('heron', { cursor }))).toMatchObject({
        status: 400,
        details: { errors: [{ path: 'cursor' }] },
      });
    }
    for (const cursor of ['', 'x', 'null', nextCursor?.slice(3) ?? '']) {
      expect(await refusal(search('heron', { cursor }))).toMatchObject({ status: 400 });
    }
    expect(await refusal(client.search.everywhere({ q: 'heron', cursor: nextCursor ?? '' }))).toMatchObject({
      status: 400,
    });
  });
});
