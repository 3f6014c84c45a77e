import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { itemsOf } from '../helpers/pages.ts';

const said = (id: string, content = `said ${id}`) => ({ id, role: 'user', content });
const three = ['a', 'b', 'c'].map((id) => said(id));
const withSeq = (messages: object[]) => messages.map((message, index) => ({ ...message, seq: index + 1 }));
const withoutId = ({ role, content }: (typeof three)[number]) => ({ role, content });

describe('replace', () => {
  let home: TestHome;
  let client: Client;
  let id = '';
  let made = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const newId = () => (id = `session ${++made}`);
  const read = async () => itemsOf(await client.sessions.messages({ id, limit: 1000 }));

  it('creates with 201 and replaces with 200, and answers the summary, whose ETag is its revision', async () => {
    newId();
    const path = `/v1/apps/test/sessions/${encodeURIComponent(id)}`;
    for (const [messages, status] of [
      [three.slice(0, 1), 201],
      [three, 200],
    ] as const) {
      const reply = await send(home.paths.socket, 'PUT', path, { title: 't', metadata: { m: 1 }, messages });
      const { metadata, lease: _, ...summary } = await client.sessions.get({ id });
      expect({ ...reply, metadata }).toMatchObject({ status, json: summary, metadata: { m: 1 } });
      expect(reply.headers['etag']).toBe(`"${summary.revision}"`);
      expect(summary).toMatchObject({ head: messages.length, messageCount: messages.length, generation: 0 });
    }
    expect(await read()).toEqual(withSeq(three));
  });

  it('keeps all that describes the session, and clears what the next document leaves out, but its status', async () => {
    const about = { title: 'T', model: 'm', workingDirectory: '/w', metadata: { a: { b: 1 } } };
    const { createdAt } = await client.sessions.replace({ id: newId(), ...about, status: 'paused', messages: [] });
    expect(await client.sessions.get({ id })).toMatchObject({ ...about, status: 'paused', preview: null });
    await client.sessions.replace({ id, messages: [] });
    const cleared = { title: null, model: null, workingDirectory: null, metadata: {} };
    expect(await client.sessions.get({ id })).toMatchObject({ ...cleared, status: 'paused', createdAt });
    const older = { createdAt: '2021-01-02T03:04:05Z', status: 'completed' as const };
    const changed = await client.sessions.replace({ id, ...older, messages: [] });
    expect(changed).toMatchObject({ createdAt: '2021-01-02T03:04:05.000Z', status: 'completed' });
  });

  it('of what is stored already changes nothing: neither revision nor time', async () => {
    const document = {
      id: newId(),
      title: 'T',
      metadata: { b: 1, a: [2] },
      messages: three,
      usage: { inputTokens: 3 },
    };
    const first = await client.sessions.replace(document);
    expect(await client.sessions.replace(document)).toEqual(first);
    expect(await client.sessions.replace({ ...document, messages: three.map(withoutId) })).toEqual(first);
  });

  it('that only adds at the end keeps generation, ids and seq', async () => {
    await client.sessions.replace({ id: newId(), messages: three });
    const longer = [...three, said('d'), said('e')];
    expect(await client.sessions.replace({ id, messages: longer })).toMatchObject({ generation: 0, head: 5 });
    expect(await read()).toEqual(withSeq(longer));
  });

  it.each([
    ['the first message', 0],
    ['one in the middle', 1],
    ['the last', 2],
  ])('that changes %s raises the generation', async (_, index) => {
    await client.sessions.replace({ id: newId(), messages: three });
    const changed = three.with(index, said(three[index]?.id ?? '', 'changed'));
    expect(await client.sessions.replace({ id, messages: changed })).toMatchObject({ generation: 1, head: 3 });
    expect(await read()).toEqual(withSeq(changed));
    expect(await client.sessions.replace({ id, messages: changed })).toMatchObject({ generation: 1 });
  });

  it('that sorts or inserts messages, or gives one another id, is stored as it is', async () => {
    await client.sessions.replace({ id: newId(), messages: three });
    const [a = {}, b = {}, c = {}] = three;
    for (const [generation, messages] of [
      [1, [c, a, b]],
      [2, [said('new'), c, a, b]],
    ] as const) {
      expect(await client.sessions.replace({ id, messages: [...messages] })).toMatchObject({ generation });
      expect(await read()).toEqual(withSeq([...messages]));
    }
    const renamed = [said('new'), c, a, said('d', 'said b')];
    await client.sessions.replace({ id, messages: renamed, allowShrink: true });
    expect(await read()).toEqual(withSeq(renamed));
  });

  it('gives ids to messages without, and keeps them while these are unchanged', async () => {
    const plain = [{ text: 'one' }, { text: 'two' }, {}];
    await client.sessions.replace({ id: newId(), messages: plain });
    const given = (await read()).map((message) => message.id);
    expect(new Set(given).size).toBe(3);
    await client.sessions.replace({ id, messages: [...plain, { text: 'four' }] });
    expect((await read()).map((message) => message.id).slice(0, 3)).toEqual(given);
    const edited = plain.with(1, { text: 'other' }).concat({ text: 'four' });
    const blind = client.sessions.replace({ id, messages: edited });
    // Without ids an edit may as well be another terminal's message: only the revision tells.
    expect((await refusal(blind)).code).toBe('drops_messages');
    const { revision } = await client.sessions.get({ id });
    await client.sessions.replace({ id, messages: edited, expectedRevision: revision });
    const now = await read();
    expect(now.map((message) => message['text'])).toEqual(['one', 'other', undefined, 'four']);
    expect([now[0]?.id, now[2]?.id]).toEqual([given[0], given[2]]);
    expect(new Set(now.map((message) => message.id)).size).toBe(4);
  });

  it('finds the first difference wherever it is among thousands', async () => {
    const many = Array.from({ length: 1100 }, (_, n) => said(`m${n}`, `${n}`));
    await client.sessions.replace({ id: newId(), messages: many });
    for (const [done, index] of [255, 256, 257, 511, 512, 1023, 1099, 0].entries()) {
      many[index] = said(`m${index}`, `${index} changed`);
      expect(await client.sessions.replace({ id, messages: many })).toMatchObject({ generation: done + 1, head: 1100 });
      const at = await client.sessions.messages({ id, after: index, before: index + 2 });
      expect(itemsOf(at)).toEqual([{ ...many[index], seq: index + 1 }]);
    }
  });

  it('tells changes of the same length apart, and takes another order of fields for a change', async () => {
    await client.sessions.replace({ id: newId(), messages: [said('a', 'xy'), said('b')] });
    expect(await client.sessions.replace({ id, messages: [said('a', 'yx'), said('b')] })).toMatchObject({
      generation: 1,
    });
    const turned = [{ content: 'yx', role: 'user', id: 'a' }, said('b')];
    expect(await client.sessions.replace({ id, messages: turned })).toMatchObject({ generation: 2 });
    expect(Object.keys((await read())[0] ?? {})).toEqual(['id', 'seq', 'content', 'role']);
  });

  it.each(hostile)('gives back exactly, and takes for unchanged when it is saved again: %s', async (_, value) => {
    const messages = [{ id: 'e\u0301', value } as JsonObject, said('b')];
    const first = await client.sessions.replace({ id: newId(), messages });
    const [stored] = await read();
    expect(stored?.id).toBe('\u00e9');
    expect(differences(stored?.['value'], value)).toEqual([]);
    expect(await client.sessions.replace({ id, messages })).toEqual(first);
    const again = await client.sessions.replace({ id, messages: [...messages, said('c')] });
    expect(again).toMatchObject({ generation: 0, head: 3 });
  });
});
