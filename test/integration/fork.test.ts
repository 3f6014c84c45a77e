import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const said = (id: string) => ({ id, role: 'user', content: `said ${id}` });

describe('fork', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const parentOf = async (...ids: string[]) =>
    (await client.sessions.replace({ id: nextId(), messages: ids.map(said) })).id;
  const read = async (id: string) => itemsOf(await client.sessions.messages({ id, limit: 1000 }));
  const ids = async (id: string) => (await read(id)).map((message) => message.id);
  let made = 0;
  const nextId = () => `parent ${++made}`;

  it('answers 201 with the summary of the new session, whose ETag is its revision', async () => {
    const id = await parentOf('a', 'b', 'c');
    const path = `/v1/apps/test/sessions/${encodeURIComponent(id)}/fork`;
    const { status, headers, json } = await send(home.paths.socket, 'POST', path, { to: 'the fork', upTo: 2 });
    const { metadata, lease, ...session } = await client.sessions.get({ id: 'the fork' });
    expect(status).toBe(201);
    expect(json).toEqual(session);
    expect({ metadata, lease }).toEqual({ metadata: {}, lease: null });
    expect(headers['etag']).toBe(`"${session.revision}"`);
    expect(session).toMatchObject({ head: 2, messageCount: 2, generation: 0, forkedFrom: { id, upTo: 2 } });
  });

  it('takes over what describes the parent, but neither its cost nor its status', async () => {
    const about = {
      title: 'Größe 😀',
      model: 'm-1',
      workingDirectory: '/w',
      metadata: JSON.parse('{"__proto__":{"a":1}}') as object,
    };
    const usage = { inputTokens: 7, outputTokens: 8, costNanoUsd: 9 };
    const status = 'completed' as const;
    await client.sessions.replace({
      id: 'about',
      ...about,
      usage,
      status,
      messages: [said('a')],
      createdAt: '2020-01-01T00:00:00.000Z',
    });
    const { id } = await client.sessions.fork({ id: 'about' });
    const fork = await client.sessions.get({ id });
    const { metadata, ...rest } = about;
    expect(fork).toMatchObject({ ...rest, status: 'active', inputTokens: 0, outputTokens: 0, costNanoUsd: 0 });
    expect(JSON.stringify(fork.metadata)).toBe(JSON.stringify(metadata));
    expect(fork.createdAt).toBe(fork.updatedAt);
    const other = await client.sessions.fork({ id: 'about', title: 'of its own' });
    expect(other.title).toBe('of its own');
    expect(await client.sessions.get({ id: 'about' })).toMatchObject({ title: about.title, ...usage, status });
  });

  it('shares all messages, or those up to a seq, or none', async () => {
    const id = await parentOf('a', 'b', 'c');
    const parent = await read(id);
    for (const upTo of [undefined, 0, 1, 2, 3]) {
      const fork = await client.sessions.fork({ id, ...(upTo !== undefined && { upTo }) });
      expect(await read(fork.id)).toEqual(parent.slice(0, upTo));
    }
  });

  it('of a session without messages has none, and grows on its own', async () => {
    const { id } = await client.sessions.fork({ id: await parentOf() });
    expect(await read(id)).toEqual([]);
    expect((await client.sessions.append({ id, messages: [said('a')] })).messages).toEqual([{ id: 'a', seq: 1 }]);
    expect(await ids(id)).toEqual(['a']);
  });

  it('goes on apart from its parent, and the parent from it', async () => {
    const id = await parentOf('a', 'b', 'c');
    const fork = (await client.sessions.fork({ id, upTo: 2 })).id;
    const [ours, theirs] = [
      await client.sessions.append({ id: fork, messages: [said('x'), said('y')], expectedHead: 2 }),
      await client.sessions.append({ id, messages: [said('d'), said('x')], expectedHead: 3 }),
    ];
    expect(ours.messages).toEqual([
      { id: 'x', seq: 3 },
      { id: 'y', seq: 4 },
    ]);
    expect(theirs.messages).toEqual([
      { id: 'd', seq: 4 },
      { id: 'x', seq: 5 },
    ]);
    expect([await ids(fork), await ids(id)]).toEqual([
      ['a', 'b', 'x', 'y'],
      ['a', 'b', 'c', 'd', 'x'],
    ]);
  });

  it('takes an inherited id for a replay, also in NFC, and the id of a later message of the parent for a new one', async () => {
    const id = await parentOf('caf\u00e9', 'b', 'c');
    const fork = (await client.sessions.fork({ id, upTo: 2 })).id;
    const again = { id: 'cafe\u0301', role: 'user', content: 'said caf\u00e9' };
    const sent = await client.sessions.append({ id: fork, messages: [again, said('b')], usage: { inputTokens: 5 } });
    expect(sent).toMatchObject({ head: 2, messages: [{ seq: 1 }, { seq: 2 }] });
    const other = { ...said('b'), content: 'other' };
    expect((await refusal(client.sessions.append({ id: fork, messages: [other] }))).code).toBe('exists');
    expect(await client.sessions.append({ id: fork, messages: [{ ...other, id: 'c' }] })).toMatchObject({ head: 3 });
    expect((await read(fork)).map(({ content }) => content)).toEqual(['said caf\u00e9', 'said b', 'other']);
    expect((await client.sessions.get({ id: fork })).inputTokens).toBe(0);
    expect((await read(id)).at(-1)).toMatchObject(said('c'));
  });

  it('pages, filters and cuts over the place where it began as any session does', async () => {
    const messages = Array.from({ length: 12 }, (_, n) => ({
      ...said(`m${n + 1}`),
      role: n % 3 === 0 ? 'tool' : 'user',
    }));
    await client.sessions.replace({ id: 'paged', messages: messages.slice(0, 6) });
    const { id } = await client.sessions.fork({ id: 'paged', upTo: 5 });
    await client.sessions.append({ id: 'paged', messages: [said('not this')] });
    await client.sessions.append({ id, messages: messages.slice(5) });
    const all = messages.map((message, index) => ({ ...message, seq: index + 1 }));
    const list = async (input: object) =>
      itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 4, ...input, ...cursor })));
    expect(await list({})).toEqual(all);
    expect(await list({ order: 'desc' })).toEqual(all.toReversed());
    expect(await list({ after: 3, before: 9 })).toEqual(all.slice(3, 8));
    expect(await list({ role: 'tool' })).toEqual(all.filter(({ role }) => role === 'tool'));
    expect(itemsOf(await client.sessions.messages({ id, last: 9 }))).toEqual(all.slice(-9));
  });

  it('has the preview of its parent only if it has the message of it', async () => {
    const messages = [{ id: 'system', role: 'system' }, said('first'), said('second')];
    await client.sessions.replace({ id: 'previewed', messages });
    const previews = await Promise.all([0, 1, 2, 3].map((upTo) => client.sessions.fork({ id: 'previewed', upTo })));
    expect(previews.map(({ preview }) => preview)).toEqual([null, null, 'said first', 'said first']);
    const [, early] = previews;
    await client.sessions.append({ id: early?.id ?? '', messages: [said('own')] });
    expect((await client.sessions.get({ id: early?.id ?? '' })).preview).toBe('said own');
  });
});
