import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

type Said = ReturnType<typeof said>;
const said = (id: string, content = `said ${id}`) => ({ id, role: 'user', content });
const [one, two, three] = ['a', 'b', 'c'].map((id) => said(id)) as [Said, Said, Said];
const all = [one, two, three];

describe('replace refuses', () => {
  let home: TestHome;
  let client: Client;
  let id = '';
  let made = 0;
  let before: Awaited<ReturnType<typeof state>>;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  beforeEach(async () => {
    id = `session ${++made}`;
    await client.sessions.replace({ id, title: 'kept', messages: all });
    before = await state();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const state = async () => [await client.sessions.get({ id }), await client.sessions.messages({ id })] as const;
  const path = () => `/v1/apps/test/sessions/${encodeURIComponent(id)}`;
  const put = (body: unknown, headers = {}) => send(home.paths.socket, 'PUT', path(), body, headers);

  it.each([
    ['fewer messages', [one, two]],
    ['none', []],
    ['one message less in the middle', [one, three]],
    ['another id in the place of one', [one, said('x'), three]],
    ['one less and others instead', [one, two, said('x'), said('y')]],
    ['only others, without ids for fewer than there are', [{ n: 1 }, { n: 2 }]],
  ])('a document with %s unless allowShrink says so', async (_, messages) => {
    const error = await refusal(client.sessions.replace({ id, messages }));
    const details = { current: 3, generation: 0 };
    expect(error).toMatchObject({ code: 'drops_messages', status: 409, retryable: false, details });
    expect(error.message).toMatch(/lacks [1-3] of the 3 messages .*read the session again, or send allowShrink/);
    expect(await state()).toEqual(before);
    expect(await refusal(client.sessions.replace({ id, messages, allowShrink: false }))).toMatchObject({ status: 409 });
    await client.sessions.replace({ id, messages, allowShrink: true });
    const stored = itemsOf(await client.sessions.messages({ id }));
    expect(stored).toMatchObject(messages);
    expect(stored).toHaveLength(messages.length);
  });

  it('an edit of messages without ids, saying that a revision allows it; of those with ids it does not say so', async () => {
    id = `no ids ${made}`;
    await client.sessions.replace({ id, messages: [{ n: 1 }, { n: 2 }] });
    const { revision } = await client.sessions.get({ id });
    const edited = { id, messages: [{ n: 1 }, { n: 'two' }] };
    expect((await refusal(client.sessions.replace(edited))).message).toMatch(/without ids, send the revision/);
    await client.sessions.replace({ ...edited, expectedRevision: revision });
    expect(itemsOf(await client.sessions.messages({ id }))).toMatchObject(edited.messages);
    const shorter = await refusal(client.sessions.replace({ id: `session ${made}`, messages: [one, two] }));
    expect(shorter.message).not.toContain('without ids');
  });

  it('the document of one that read before another appended', async () => {
    await client.sessions.append({ id, messages: [said('d')] });
    const stale = client.sessions.replace({ id, messages: [...all, said('mine')] });
    expect((await refusal(stale)).code).toBe('drops_messages');
    expect(itemsOf(await client.sessions.messages({ id })).map((message) => message.id)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('a revision that is not the session’s, naming the right one, also in If-Match', async () => {
    const [{ revision }] = before;
    await client.sessions.update({ id, patch: { model: 'm' } });
    const current = (await client.sessions.get({ id })).revision;
    const document = { id, messages: all, allowShrink: true };
    const error = await refusal(client.sessions.replace({ ...document, expectedRevision: revision }));
    expect(error).toMatchObject({ code: 'stale', status: 412, details: { current } });
    expect(refused(await put({ messages: all }, { 'if-match': `"${revision}"` }))).toBe('412 stale');
    expect((await put({ messages: all }, { 'if-match': `"${current}"` })).status).toBe(200);
  });

  it('a revision of a session that is gone, or the lease of one that never was', async () => {
    const [{ revision }] = before;
    await client.sessions.delete({ id });
    const error = await refusal(client.sessions.replace({ id, messages: all, expectedRevision: revision }));
    expect(error).toMatchObject({ code: 'stale', details: {} });
    expect(error.details.current).toBeUndefined();
    expect((await refusal(client.sessions.replace({ id: 'never', messages: [], lease: revision }))).code).toBe(
      'not_found',
    );
    expect((await refusal(client.sessions.get({ id }))).code).toBe('not_found');
  });

  it('a session that exists, with ifAbsent or If-None-Match, naming its revision; one of many that create at once wins', async () => {
    const [{ revision }] = before;
    const error = await refusal(client.sessions.replace({ id, messages: all, ifAbsent: true }));
    expect(error).toMatchObject({ code: 'exists', status: 409, details: { current: revision } });
    expect(refused(await put({ messages: all }, { 'if-none-match': '*' }))).toBe('409 exists');
    expect(await state()).toEqual(before);
    id = `new ${made}`;
    const replies = await Promise.all(Array.from({ length: 20 }, (_, n) => put({ messages: [{ n }], ifAbsent: true })));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(19);
    expect((await client.sessions.get({ id })).head).toBe(1);
  });

  it.each([
    ['messages.1.id', [one, said('a', 'twice'), three]],
    ['messages.1.id', [one, one, three]],
    ['messages.2.id', [said('caf\u00e9'), two, said('cafe\u0301')]],
    ['messages.3.id', [one, two, three, said('b', 'again')]],
    ['messages.3.id', [one, two, three, one]],
    ['messages.4.id', [one, two, three, said('d'), said('d')]],
    ['messages.2.id', [said('a', 'changed'), two, said('a')]],
    ['messages.1.id', [one, { id: 7 }, three]],
    ['messages.1', [one, 'text', three]],
  ])(
    'a document whose %s is wrong, for a session and for a new one, and changes nothing: %o',
    async (field, messages) => {
      const body = { title: 'lost', messages, allowShrink: true, usage: { inputTokens: 5 } };
      expect(wrongFields(await put(body))).toEqual([field]);
      expect(await state()).toEqual(before);
      id = `absent ${made}`;
      expect(wrongFields(await put(body))).toEqual([field]);
      expect((await refusal(client.sessions.get({ id }))).code).toBe('not_found');
    },
  );

  it.each([
    ['messages', {}],
    ['messages', { messages: null }],
    ['messages.1', { messages: [{}, { seq: 1 }] }],
    ['usage.inputTokens', { messages: all, usage: { inputTokens: -1 } }],
    ['status', { messages: all, status: null }],
    ['createdAt', { messages: all, createdAt: 'yesterday' }],
    ['allowShrink', { messages: all, allowShrink: 'true' }],
    ['metadata', { messages: all, metadata: [] }],
    ['metadata', { messages: all, metadata: { text: 'x'.repeat(1024 * 1024) } }],
    ['head', { messages: all, head: 3 }],
  ])('a wrong %s by name: %o', async (field, body) => {
    expect(wrongFields(await put(body))[0]).toMatch(new RegExp(`^${field}`));
    expect(await state()).toEqual(before);
  });

  it('to do it twice: the same key answers the same, whatever was done in between', async () => {
    const document = { id, title: 'first', messages: [...all, said('d')] };
    const first = await client.sessions.replace(document, { key: `once ${id}` });
    await client.sessions.append({ id, messages: [said('e')] });
    expect(await client.sessions.replace(document, { key: `once ${id}` })).toEqual(first);
    expect((await client.sessions.get({ id })).head).toBe(5);
    const other = client.sessions.replace({ ...document, title: 'other' }, { key: `once ${id}` });
    expect((await refusal(other)).code).toBe('key_reused');
  });

  it('nobody: of many writers with one revision, one wins, and the others are told', async () => {
    const [{ revision }] = before;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => put({ messages: [...all, { id: `of ${n}` }], expectedRevision: revision })),
    );
    expect(outcomes.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 412),
    ]);
    expect(itemsOf(await client.sessions.messages({ id }))).toHaveLength(4);
  });
});
