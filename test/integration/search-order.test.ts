import { beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const filler = (words: number) => range(1, words).map((n) => `filler${n}`);

describe('the hits of a search', () => {
  let home: TestHome;
  let client: Client;
  beforeEach(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    return () => home[Symbol.asyncDispose]();
  });

  async function store(id: string, contents: string[], role?: string) {
    await client.sessions.create({ id });
    const messages = contents.map((content) => ({ content, ...(role !== undefined && { role }) }));
    for (const part of range(0, Math.ceil(messages.length / 1000) - 1)) {
      await client.sessions.append({ id, messages: messages.slice(part * 1000, part * 1000 + 1000) });
    }
  }
  const search = (q: string, input: object = {}) => client.search.messages({ q, ...input });
  const seqs = async (q: string, input?: object) => itemsOf(await search(q, input)).map(({ seq }) => seq);
  const sessions = async (q: string) => itemsOf(await search(q)).map(({ session }) => session);

  it('are those with more of the words first, then the shorter ones', async () => {
    const long = filler(100).join(' ');
    await store('s', [`heron heron heron ${long}`, `heron ${long}`, `heron heron ${long}`, 'heron', long]);
    expect(await seqs('heron')).toEqual([4, 1, 3, 2]);
    expect((await search('heron')).order).toBe('relevance');
  });

  it('are those with the rarer of the words in abundance first', async () => {
    const common = range(1, 30).map(() => 'sparrow gull filler filler');
    await store('s', [...common, 'sparrow sparrow osprey', 'sparrow osprey osprey']);
    expect(await seqs('sparrow osprey')).toEqual([32, 31]);
  });

  it('are newer ones first among equals', async () => {
    await store(
      's',
      range(1, 50).map(() => 'heron'),
    );
    expect(await seqs('heron', { limit: 100 })).toEqual(range(1, 50).toReversed());
  });

  it('are newer ones first also where only their application, session or role differ', async () => {
    await store('without', ['heron']);
    await store('user', ['heron'], 'user');
    await store('long-role', ['heron'], 'a role of many words');
    expect(await sessions('heron')).toEqual(['long-role', 'user', 'without']);
  });

  it('are all met once by walking, whatever the size of the pages', async () => {
    await store(
      's',
      range(1, 250).map((n) =>
        filler(n % 7)
          .concat(Array(1 + (n % 3)).fill('heron'))
          .join(' '),
      ),
    );
    const all = itemsOf(await walk((cursor) => search('heron', { limit: 100, ...cursor }))).map(({ seq }) => seq);
    expect(all.toSorted((a, b) => a - b)).toEqual(range(1, 250));
    for (const limit of [1, 7, 50, 83]) {
      expect(itemsOf(await walk((cursor) => search('heron', { limit, ...cursor }))).map(({ seq }) => seq)).toEqual(all);
    }
  });

  it('of the last page have no cursor after them, also when it is full', async () => {
    await store(
      's',
      range(1, 20).map(() => 'heron'),
    );
    expect((await search('heron', { limit: 20 })).nextCursor).toBeNull();
    const { nextCursor } = await search('heron', { limit: 19 });
    expect(await search('heron', { limit: 19, cursor: nextCursor })).toMatchObject({ items: [{}], nextCursor: null });
  });

  // A walk is of what was stored when it began; what is changed by others neither hides nor repeats the rest.
  describe('met by a walk during which others', () => {
    const contents = range(1, 120).map((n) =>
      filler((n * 13) % 40)
        .concat(Array(1 + (n % 4)).fill('heron'))
        .join(' '),
    );
    const walked = async (between: (page: number) => Promise<unknown>) => {
      await store('s', contents);
      await store('other', contents);
      let page = 0;
      const pages = await walk(async (cursor) => {
        if (page++ > 0) await between(page);
        return search('heron', { limit: 10, fresh: true, ...cursor });
      });
      return itemsOf(pages).map(({ session, seq }) => `${session}:${seq}`);
    };
    const ofS = range(1, 120).map((seq) => `s:${seq}`);

    it('append what is not of it are as they were', async () => {
      const places = await walked((page) => store(`new${page}`, ['heron', 'heron heron']));
      expect(new Set(places).size).toBe(places.length);
      expect(places.toSorted()).toEqual([...ofS, ...ofS.map((place) => place.replace('s', 'other'))].toSorted());
    });

    it('append much that changes what words weigh are as they were', async () => {
      const long = filler(2000).join(' ');
      const places = await walked((page) => store(`new${page}`, Array(20).fill(page % 2 ? long : 'heron')));
      expect(new Set(places).size).toBe(places.length);
      expect(places.toSorted()).toEqual([...ofS, ...ofS.map((place) => place.replace('s', 'other'))].toSorted());
    });

    it.each([false, true])('delete a session are those of the rest, erased: %s', async (erase) => {
      const places = await walked((page) =>
        page === 6 ? client.sessions.delete({ id: 'other', erase }) : Promise.resolve(),
      );
      expect(new Set(places).size).toBe(places.length);
      expect(places.filter((place) => place.startsWith('s:')).toSorted()).toEqual(ofS.toSorted());
    });
  });
});
