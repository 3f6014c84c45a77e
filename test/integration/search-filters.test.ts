import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, refused } from '../helpers/refusal.ts';

type Found = Awaited<ReturnType<Client['search']['messages']>>;
const placesOf = (found: Found) => itemsOf(found).map(({ session, seq }) => `${session}:${seq}`);

const roles = ['user', 'assistant', 'tool', 'Rôle "x" OR', undefined];

describe('a search is narrowed', () => {
  let home: TestHome;
  let client: Client;
  let other: Client;
  /** Times between the three appends to session `times`. */
  let moments: string[];
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    [client, other] = [home.client({ app: 'one' }), home.client({ app: 'one.two' })];
    for (const each of [client, other]) {
      await each.sessions.create({ id: 's' });
      const messages = roles.map((role) => ({ ...(role !== undefined && { role }), text: 'heron' }));
      await each.sessions.append({ id: 's', messages });
    }
    await client.sessions.create({ id: 'times' });
    moments = [];
    for (const n of [1, 2, 3]) {
      await client.sessions.append({ id: 'times', messages: [{ text: `osprey ${n}` }] });
      const { updatedAt } = await client.sessions.get({ id: 'times' });
      moments.push(updatedAt);
      // The clock counts in milliseconds: the next append is at another one.
      while (Date.now() <= Date.parse(updatedAt));
    }
    await forks(client);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** Hits for the word of one part of what is stored. */
  const falcons = async (session: string) => itemsOf(await client.search.messages({ q: 'falcon', session }));
  const placesIn = async (session: string) =>
    (await falcons(session)).map((hit) => `${hit.session}:${hit.seq}`).toSorted();
  const titles = async (session: string) => (await falcons(session)).map(({ title }) => title);
  const seqs = async (input: { after?: string; before?: string }) =>
    itemsOf(await client.search.messages({ q: 'osprey', ...input })).map(({ seq }) => seq);

  it('to its application, or to none', async () => {
    expect(placesOf(await client.search.messages({ q: 'heron' }))).toEqual(['s:5', 's:4', 's:3', 's:2', 's:1']);
    const all = itemsOf(await client.search.everywhere({ q: 'heron' }));
    expect(all.map(({ app, seq }) => `${app} ${seq}`).toSorted()).toEqual(
      ['one', 'one.two'].flatMap((app) => [1, 2, 3, 4, 5].map((seq) => `${app} ${seq}`)),
    );
    expect((await home.client({ app: 'on' }).search.messages({ q: 'heron' })).items).toEqual([]);
  });

  it.each(roles.slice(0, 4).map((role, index) => [role ?? '', index + 1] as const))(
    'to a role: %s',
    async (role, seq) => {
      expect(placesOf(await client.search.messages({ q: 'heron', role }))).toEqual([`s:${seq}`]);
      expect(placesOf(await client.search.messages({ q: 'heron', role, session: 's' }))).toEqual([`s:${seq}`]);
      expect((await client.search.everywhere({ q: 'heron', role })).items).toHaveLength(2);
    },
  );

  it.each(['User', 'use', 'users', '*', 'user OR assistant', '"', ''])(
    'to a role that nobody has: %j',
    async (role) => {
      expect((await client.search.messages({ q: 'heron', role })).items).toEqual([]);
    },
  );

  it('to times: since one, and before one', async () => {
    const [first = '', second = '', third = ''] = moments;
    expect(await seqs({ after: second })).toEqual([3, 2]);
    expect(await seqs({ before: second })).toEqual([1]);
    expect(await seqs({ after: second, before: third })).toEqual([2]);
    expect(await seqs({ after: first, before: first })).toEqual([]);
    expect(await seqs({ after: third, before: first })).toEqual([]);
    expect(await seqs({ after: '1970-01-01T00:00:00Z', before: '9999-12-31T23:59:59Z' })).toEqual([3, 2, 1]);
    expect(await seqs({ after: '0001-01-01T00:00:00Z' })).toEqual([3, 2, 1]);
    expect(await seqs({ before: '0001-01-01T00:00:00Z' })).toEqual([]);
    expect(await seqs({ after: '9999-12-31T23:59:59Z' })).toEqual([]);
  });

  it('to a session, with what it shares with others up to its fork point and as itself', async () => {
    expect(await placesIn('parent')).toEqual(['parent:1', 'parent:2', 'parent:3', 'parent:4']);
    expect(await placesIn('fork')).toEqual(['fork:1', 'fork:2', 'fork:3']);
    expect(await placesIn('bare')).toEqual(['bare:1', 'bare:2']);
    expect(await placesIn('grandchild')).toEqual(['grandchild:1', 'grandchild:2', 'grandchild:3', 'grandchild:4']);
    expect(await placesIn('none')).toEqual([]);
  });

  it('to a session by its own title', async () => {
    expect(await titles('fork')).toEqual(Array(3).fill('Forked'));
    expect(await titles('parent')).toEqual(Array(4).fill('Parent'));
  });

  it('to a session at the end of 400 forks of one another', async () => {
    let id = 'bare';
    for (let n = 1; n <= 400; n++) {
      await client.sessions.fork({ id, to: `link${n}` });
      id = `link${n}`;
      await client.sessions.append({ id, messages: [{ text: `kestrel ${n}` }] });
    }
    const found = async (q: string) =>
      itemsOf(await client.search.messages({ q, session: id, limit: 100 })).map(({ seq }) => seq);
    expect(await found('falcon')).toEqual([2, 1]);
    expect(await found('"kestrel 7"')).toEqual([9]);
    expect(await found('kestrel')).toHaveLength(100);
  });

  it('to a session that is none, which is told', async () => {
    expect(await refusal(client.search.messages({ q: 'heron', session: 'nobody' }))).toMatchObject({
      code: 'not_found',
    });
    const everywhere = await curl(home.paths.socket, 'GET', '/v1/search?q=heron&session=s');
    expect(refused(everywhere)).toBe('400 invalid_input');
  });

  it('shows each message once, as the session that wrote it', async () => {
    const places = placesOf(await client.search.messages({ q: 'falcon', limit: 100 }));
    expect(places.toSorted()).toEqual(['fork:3', 'grandchild:4', 'parent:1', 'parent:2', 'parent:3', 'parent:4']);
  });
});

/** parent 1-4; fork: 1-2 of it and one of its own; bare: 1-2 of it; grandchild: all of fork and one of its own. */
async function forks(client: Client): Promise<void> {
  const append = (id: string, ...ns: number[]) =>
    client.sessions.append({ id, messages: ns.map((n) => ({ text: `falcon ${n}` })) });
  await client.sessions.create({ id: 'parent', title: 'Parent' });
  await append('parent', 1, 2, 3, 4);
  await client.sessions.fork({ id: 'parent', to: 'fork', upTo: 2, title: 'Forked' });
  await append('fork', 5);
  await client.sessions.fork({ id: 'parent', to: 'bare', upTo: 2 });
  await client.sessions.fork({ id: 'fork', to: 'grandchild' });
  await append('grandchild', 6);
  await client.sessions.fork({ id: 'parent', to: 'none', upTo: 0 });
}
