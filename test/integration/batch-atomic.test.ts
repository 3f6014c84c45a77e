import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refused, wrongFields } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';
type Call = [op: string, input: object, app?: string];
interface Result {
  status: number;
  output: Record<string, unknown> & { items?: Record<string, unknown>[] };
}

const bodyOf = (calls: Call[]) => ({
  atomic: true,
  calls: calls.map(([op, input, app = 'test']) => ({ op, app, input })),
});

describe('an atomic batch', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (body: unknown, key?: string) =>
    send(home.paths.socket, 'POST', '/v1/batch', body, key === undefined ? {} : { 'idempotency-key': key });
  const run = async (...calls: Call[]) => {
    const reply = await post(bodyOf(calls));
    expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('results')]);
    return (reply.json as { results: Result[] }).results;
  };
  /** All that can be read of two applications. */
  const state = async () => {
    const each = ['test', 'second'].map(async (app) => {
      const { items } = await client.sessions.list({ app, limit: 1000 });
      const ids = items.map((item) => ('id' in item ? item.id : ''));
      return [
        items,
        await Promise.all(ids.map((id) => client.sessions.messages({ app, id, limit: 1000 }))),
        await client.feeds.list({ app, limit: 1000 }),
        await client.auth.list({ app, limit: 1000 }),
      ];
    });
    return JSON.stringify(await Promise.all(each));
  };

  it('does all of it, over several kinds and applications, each with its status', async () => {
    const results = await run(
      ['sessions.create', { id: 'all' }],
      ['sessions.append', { id: 'all', messages: [{ n: 1 }, { n: 2 }] }],
      ['feeds.put', { name: 'all', url }],
      ['feeds.put', { name: 'all', url, category: 'again' }],
      ['feeds.put', { name: 'elsewhere', url }, 'second'],
      ['feeds.delete', { name: 'all' }],
    );
    expect(results.map(({ status }) => status)).toEqual([201, 201, 201, 200, 201, 200]);
    expect((await client.sessions.get({ id: 'all' })).messageCount).toBe(2);
    expect((await client.feeds.list({ app: 'second' })).items).toMatchObject([{ name: 'elsewhere' }]);
    const { items } = await client.sessions.messages({ id: 'all' });
    expect(items).toMatchObject([{ n: 1 }, { n: 2 }]);
  });

  it('a failure at any place changes nothing, and says which call it was', async () => {
    await client.sessions.create({ id: 'kept' });
    await client.sessions.append({ id: 'kept', messages: [{ id: 'm', n: 1 }] });
    await client.feeds.put({ name: 'kept', url });
    const good: Call[] = [
      ['feeds.put', { name: 'new', url }],
      ['sessions.append', { id: 'kept', messages: [{ n: 2 }] }],
      ['feeds.patch', { name: 'kept', patch: { category: 'x' } }],
      ['auth.put', { profile: 'p', kind: 'api-key', apiKey: 'some api key' }],
      ['sessions.fork', { id: 'kept', to: 'forked' }],
      ['feeds.delete', { name: 'kept' }],
      ['sessions.create', { id: 'other' }, 'second'],
    ];
    const bad: [Call, string][] = [
      [['feeds.put', { name: 'all', url, expectedRevision: 'epoch.7' }], '412 stale'],
      [['sessions.append', { id: 'kept', messages: [{}], expectedHead: 77 }], '412 stale'],
      [['feeds.get', { name: 'none' }], '404 not_found'],
      [['feeds.put', { name: 'none', url: 7 }], '400 invalid_input'],
    ];
    const before = await state();
    for (let place = 0; place <= good.length; place++) {
      for (const [call, code] of bad) {
        const reply = await post(bodyOf(good.toSpliced(place, 0, call)), 'the same key each time');
        expect([place, refused(reply)]).toEqual([place, code]);
        expect(reply.json).toMatchObject({ index: place });
      }
    }
    expect(await state()).toBe(before);
    // Red control: without the call that fails, all of it shows; and no failure has used up the key.
    expect((await post(bodyOf(good), 'the same key each time')).status).toBe(200);
    expect(await state()).not.toBe(before);
  });

  it('one that fails takes nothing from plain writes that share its transaction', async () => {
    await client.sessions.create({ id: 'beside' });
    const failing = bodyOf([
      ['feeds.put', { name: 'beside', url }],
      ['feeds.get', { name: 'none' }],
    ]);
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, async (_, n) =>
        n % 2 === 0
          ? refused(await post(failing))
          : (await client.sessions.append({ id: 'beside', messages: [{ n }] })) && 'stored',
      ),
    );
    expect(new Set(outcomes)).toEqual(new Set(['404 not_found', 'stored']));
    expect((await client.sessions.get({ id: 'beside' })).messageCount).toBe(30);
    await expect(client.feeds.get({ name: 'beside' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('reads see the writes before them, and only those', async () => {
    const results = await run(
      ['sessions.create', { id: 'read' }],
      ['sessions.append', { id: 'read', messages: [{ id: 'a', n: 1 }] }],
      ['sessions.messages', { id: 'read' }],
      ['sessions.append', { id: 'read', messages: [{ id: 'b', n: 2 }] }],
      ['sessions.messages', { id: 'read' }],
      ['feeds.put', { name: 'read', url }],
      ['feeds.get', { name: 'read' }],
      ['feeds.rename', { name: 'read', to: 'renamed' }],
      ['feeds.list', {}],
    );
    const items = results.map(({ output }) => output.items ?? []);
    expect(items[2]).toEqual([{ id: 'a', seq: 1, n: 1 }]);
    expect(items[4]).toEqual([
      { id: 'a', seq: 1, n: 1 },
      { id: 'b', seq: 2, n: 2 },
    ]);
    expect(results[6]?.output).toMatchObject({ name: 'read' });
    expect(items[8]?.map(({ name }) => name)).toContain('renamed');
  });

  it('writes see the writes before them: a repeated message is a replay, a document holds what was appended', async () => {
    const message = { id: 'twice', n: 1 };
    const results = await run(
      ['sessions.create', { id: 'seen' }],
      ['sessions.append', { id: 'seen', messages: [message] }],
      ['sessions.append', { id: 'seen', messages: [message] }],
      ['sessions.fork', { id: 'seen', to: 'seen fork' }],
      ['sessions.messages', { id: 'seen fork' }],
      ['sessions.replace', { id: 'seen', messages: [message, { id: 'next', n: 2 }] }],
      ['sessions.messages', { id: 'seen' }],
    );
    expect(results[4]?.output.items).toMatchObject([message]);
    expect(results[6]?.output.items).toMatchObject([message, { id: 'next', n: 2 }]);
    expect((await client.sessions.get({ id: 'seen' })).messageCount).toBe(2);
    const other = bodyOf([
      ['sessions.append', { id: 'seen', messages: [{ id: 'third', n: 3 }] }],
      ['sessions.append', { id: 'seen', messages: [{ id: 'third', n: 4 }] }],
    ]);
    const reply = await post(other);
    expect(reply.json).toMatchObject({ index: 1, code: expect.not.stringContaining('internal') });
    expect((await client.sessions.get({ id: 'seen' })).messageCount).toBe(2);
  });

  it('has one key, in the header or the body, and none on its calls', async () => {
    const body = bodyOf([['feeds.put', { name: 'keyed', url }]]);
    expect(wrongFields(await post({ ...body, key: 'one' }, 'other'))).toEqual(['key']);
    const onCall = { ...body, calls: body.calls.map((call) => ({ ...call, key: 'one' })) };
    expect(refused(await post(onCall, 'one'))).toBe('400 invalid_input');
    await expect(client.feeds.get({ name: 'keyed' })).rejects.toMatchObject({ code: 'not_found' });
    const first = await post(body, 'header or body');
    expect(first.status).toBe(200);
    expect((await post({ ...body, key: 'header or body' })).text).toBe(first.text);
    expect((await post({ ...body, key: 'header or body' }, 'header or body')).text).toBe(first.text);
    // Red control: with another key it happens again.
    expect((await post(body, 'another key')).text).not.toBe(first.text);
  });

  it('its key with other calls, or the same in another order, is 422', async () => {
    const calls: Call[] = [
      ['feeds.put', { name: 'one', url }],
      ['feeds.put', { name: 'two', url }],
    ];
    const first = await post(bodyOf(calls), 'reused');
    const others: Call[][] = [calls.toReversed(), calls.slice(0, 1), [...calls, ['feeds.get', { name: 'one' }]]];
    for (const other of others) expect(refused(await post(bodyOf(other), 'reused'))).toBe('422 key_reused');
    expect((await post(bodyOf(calls), 'reused')).text).toBe(first.text);
  });

  it('many at the same time with one key happen once', async () => {
    await client.sessions.create({ id: 'joined' });
    const body = bodyOf([
      ['sessions.append', { id: 'joined', messages: [{ n: 1 }] }],
      ['sessions.get', { id: 'joined' }],
    ]);
    const replies = await Promise.all(Array.from({ length: 20 }, () => post(body, 'joined')));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies[0]?.status).toBe(200);
    expect((await client.sessions.get({ id: 'joined' })).messageCount).toBe(1);
  });
});
