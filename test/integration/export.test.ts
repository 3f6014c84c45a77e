import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { refused, wrongFields } from '../helpers/refusal.ts';
import { linesOf, readAll } from '../helpers/streams.ts';

interface Exported {
  session: object;
  messages: Record<string, unknown>[];
  draft: string | null;
  damagedCount: number;
}

describe('an export', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const read = (id: string, query: string) =>
    readAll(home.paths.socket, `/v1/apps/test/sessions/${encodeURIComponent(id)}/export${query}`, {});
  const json = async (id: string) => JSON.parse((await read(id, '?format=json')).text) as Exported;
  const lines = async (id: string) => linesOf((await read(id, '?format=ndjson')).text);
  const session = async (messages: object[], about: object = {}) => {
    const { id } = await client.sessions.create({ title: 'Title', ...about });
    await client.sessions.append({ id, messages });
    return id;
  };

  it.each([
    ['', 'text/markdown; charset=utf-8'],
    ['?format=markdown', 'text/markdown; charset=utf-8'],
    ['?format=json', 'application/json; charset=utf-8'],
    ['?format=ndjson', 'application/x-ndjson'],
  ])('%s is of its type', async (query, type) => {
    const id = await session([{ role: 'user', content: 'hello' }]);
    expect(await read(id, query)).toMatchObject({ status: 200, type, complete: true });
  });

  it('as JSON is one document: the session, its messages exactly, its draft', async () => {
    const messages = hostile.map(([name, value]) => ({ id: name, role: 'user', content: value, [name]: value }));
    const id = await session(messages, { metadata: { a: [1, '\ud800'] }, workingDirectory: '/a b' });
    await client.drafts.put({ id, text: 'half a pair \ud83d' });
    const { session: about, messages: exported, draft, damagedCount } = await json(id);
    expect(differences(about, await client.sessions.get({ id }))).toEqual([]);
    expect({ draft, damagedCount }).toEqual({ draft: 'half a pair \ud83d', damagedCount: 0 });
    const { items } = await client.sessions.messages({ id, limit: 1000 });
    expect(items).toHaveLength(messages.length);
    expect(differences(exported, items)).toEqual([]);
  });

  it('as lines is the session, what a stream is, with the draft before the end', async () => {
    const id = await session([{ n: 1 }, { n: 2 }]);
    await client.sessions.append({ id, messages: [{ n: 3 }], delivery: 'pending' });
    await client.drafts.put({ id, text: 'so far' });
    const streamed = await Array.fromAsync(client.sessions.stream({ id }));
    const about = await client.sessions.get({ id });
    expect(await lines(id)).toEqual([
      { session: about },
      ...streamed.slice(0, -1),
      { draft: 'so far' },
      streamed.at(-1),
    ]);
  });

  it('as JSON keeps what became of messages, as pages and lines do', async () => {
    const id = await session([{ n: 1 }]);
    await client.sessions.append({ id, messages: [{ id: 'sent' }], delivery: 'sent' });
    const { deliveries } = await client.sessions.messages({ id });
    expect(deliveries).toMatchObject([{ seq: 2, delivery: 'sent' }]);
    expect(await json(id)).toMatchObject({ deliveries });
  });

  it('of an empty session is whole in every format', async () => {
    const { id, createdAt } = await client.sessions.create({ id: 'empty' });
    const about = await client.sessions.get({ id });
    expect(await json(id)).toMatchObject({ session: about, messages: [], draft: null, damagedCount: 0 });
    expect(await lines(id)).toEqual([{ session: about }, { end: { head: 0, generation: 0, damagedCount: 0 } }]);
    const { text } = await read(id, '');
    expect(text).toContain('# empty\n');
    expect(text).toContain(createdAt);
    expect(text).not.toMatch(/undefined|null|\[object/);
  });

  it('of a session of many slices, and of a fork, has every message once', async () => {
    const id = await session(Array.from({ length: 600 }, (_, index) => ({ n: index + 1 })));
    const { id: fork } = await client.sessions.fork({ id, upTo: 300 });
    await client.sessions.append({ id: fork, messages: [{ n: 'own' }] });
    const numbers = (await json(fork)).messages.map(({ n }) => n);
    expect(numbers).toEqual([...Array.from({ length: 300 }, (_, index) => index + 1), 'own']);
    const titles = [...(await read(id, '')).text.matchAll(/^## (\d+)\. Message$/gm)].map(([, seq]) => Number(seq));
    expect(titles).toEqual(Array.from({ length: 600 }, (_, index) => index + 1));
  });

  it('tells damage in its place, in every format', async () => {
    const id = await session([{ id: 'kept-1' }, { id: 'harmed' }, { id: 'gone' }, { id: 'kept-2', n: 4 }]);
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    const changed = db.prepare(`UPDATE log SET content = '{"n":7}' WHERE id = 'harmed'`).run().changes;
    const deleted = db.prepare(`DELETE FROM log WHERE id = 'gone'`).run().changes;
    db.close();
    expect([changed, deleted]).toEqual([1, 1]);
    daemon = await home.start();
    const reason = expect.any(String) as unknown;
    const expected = [{ seq: 1 }, { seq: 2, damaged: { reason } }, { seq: 3, damaged: { reason } }, { seq: 4, n: 4 }];
    expect(await json(id)).toMatchObject({ messages: expected, damagedCount: 2 });
    expect((await lines(id)).slice(1)).toMatchObject([...expected, { end: { damagedCount: 2 } }]);
    const { text } = await read(id, '');
    expect(text.match(/damaged here/g)).toHaveLength(2);
    expect(text).toContain('2 of the messages are damaged');
  });

  it('that cannot begin is a problem document', async () => {
    for (const query of ['', '?format=json', '?format=ndjson']) {
      const reply = await read('nowhere', query);
      expect(reply.type).toMatch(/^application\/problem\+json/);
      expect(refused({ ...reply, json: JSON.parse(reply.text) as unknown })).toBe('404 not_found');
    }
    for (const [field, query] of [
      ['format', '?format=pdf'],
      ['format', '?format='],
      ['role', '?role=user'],
    ] as const) {
      const reply = await read('empty', query);
      expect(wrongFields({ ...reply, json: JSON.parse(reply.text) as unknown })).toEqual([field]);
    }
  });
});
