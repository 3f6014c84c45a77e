import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { curl, send } from '../helpers/curl.ts';
import { root, TestHome } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

const recorded = join(root, 'test', 'fixtures', 'sessions');
const url = 'https://example.org/feed.xml';

/** A message or document that holds the value in places of every kind. */
const wrap = (value: unknown) => ({ role: 'user', value, list: [value], text: 'x' }) as JsonObject;

describe('acceptance 5: what goes in comes back', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each(readdirSync(recorded).filter((file) => file.endsWith('.json')))('the recorded session %s', async (file) => {
    const { source, messages } = JSON.parse(readFileSync(join(recorded, file), 'utf8')) as {
      source: string;
      messages: JsonObject[];
    };
    const { id } = await client.sessions.create({ title: file, metadata: { source } });
    // In turns of a few messages, as an agent would.
    for (let at = 0; at < messages.length; at += 3) {
      await client.sessions.append({ id, messages: messages.slice(at, at + 3), expectedHead: at });
    }
    const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 10, ...cursor })));
    const own = stored.map(({ id: _id, seq: _seq, ...fields }) => fields);
    expect(own).toEqual(messages);
    expect(differences(own, messages)).toEqual([]);
    expect((await client.sessions.get({ id })).metadata).toEqual({ source });
  });

  describe.each(hostile)('%s', (_, value) => {
    it('in a message, sent by the client and as escaped text', async () => {
      const { id } = await client.sessions.create();
      const message = wrap(value);
      await client.sessions.append({ id, messages: [{ id: 'by client', ...message }] });
      const body = `{"messages":[${JSON.stringify(message).replaceAll(/[^ -~]/g, escape)}]}`;
      const sent = await send(home.paths.socket, 'POST', `/v1/apps/test/sessions/${id}/messages`, body);
      expect(sent.status).toBe(201);
      const { items } = await client.sessions.messages({ id });
      const own = items.map(({ id: _id, seq: _seq, ...fields }: { [name: string]: unknown }) => fields);
      expect(own).toEqual([message, message]);
      expect(own.flatMap((fields) => differences(fields, message))).toEqual([]);
    });

    it('in the metadata of a session and of a feed, put and patched', async () => {
      const metadata = wrap(value);
      const session = await client.sessions.create({ metadata });
      const name = `feed of ${session.id}`;
      const answers = [session.metadata, (await client.sessions.get({ id: session.id })).metadata];
      answers.push((await client.feeds.put({ name, url, metadata })).metadata);
      answers.push((await client.feeds.get({ name })).metadata);
      expect(answers.flatMap((answer) => differences(answer, metadata))).toEqual([]);

      await client.feeds.put({ name, url, metadata: { kept: 1 } });
      // In an array: as a member of a merge patch, null would remove.
      const patched = await client.feeds.patch({ name, patch: { metadata: { added: [value] as never } } });
      expect(differences(patched.metadata, { kept: 1, added: [value] })).toEqual([]);
      expect(differences((await client.feeds.get({ name })).metadata, patched.metadata)).toEqual([]);
    });
  });

  const objects = hostile.filter(([, value]) => isJsonObject(value)) as [string, JsonObject][];
  it.each(objects)('%s, as the fields of a message', async (_, message) => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: [message] });
    const { items } = await client.sessions.messages({ id });
    const own = items.map(({ id: _id, seq: _seq, ...fields }: { [name: string]: unknown }) => fields);
    expect(own.flatMap((fields) => differences(fields, message))).toEqual([]);
    expect(own).toHaveLength(1);
  });

  it('a text of 5 MiB, and one key of 100,000 characters', async () => {
    const message = { text: 'aé😀\n'.repeat(600_000), ['k'.repeat(100_000)]: 1 };
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: [message] });
    const [stored] = itemsOf(await client.sessions.messages({ id }));
    expect(stored?.['text'] === message.text).toBe(true);
    expect(Object.keys(stored ?? {}).toSorted()).toEqual([...Object.keys(message), 'id', 'seq'].toSorted());
  });

  it('a merge patch with a __proto__ of its own', async () => {
    const name = 'patched';
    await client.feeds.put({ name, url, metadata: JSON.parse('{"__proto__":{"a":1,"b":2},"x":{}}') as JsonObject });
    const patch = { metadata: JSON.parse('{"__proto__":{"b":null,"c":{"__proto__":3}},"x":null}') as JsonObject };
    const { metadata } = await client.feeds.patch({ name, patch });
    expect(differences(metadata, JSON.parse('{"__proto__":{"a":1,"c":{"__proto__":3}}}'))).toEqual([]);
  });

  it('numbers as doubles; what no double holds is refused, not stored as null', async () => {
    const path = '/v1/apps/test/feeds/numbers';
    const put = (numbers: string) =>
      send(home.paths.socket, 'PUT', path, `{"url":"${url}","metadata":{"numbers":[${numbers}]}}`);
    expect((await put('-0, 1.0, 1e2, 9007199254740993, 1e-400')).status).toBeLessThan(300);
    const { json } = await curl(home.paths.socket, 'GET', path);
    const { numbers } = (json as { metadata: { numbers: number[] } }).metadata;
    expect(numbers.map((number) => number + 0)).toEqual([0, 1, 100, 9007199254740992, 0]);

    for (const huge of ['1e400', '-1e400', `1${'0'.repeat(400)}`]) {
      const { status, json: problem } = await put(huge);
      expect({ huge, status, problem }).toMatchObject({ status: 400, problem: { errors: [{ path: 'metadata' }] } });
    }
    const { id } = await client.sessions.create();
    const append = await send(
      home.paths.socket,
      'POST',
      `/v1/apps/test/sessions/${id}/messages`,
      '{"messages":[{"n":1e999}]}',
    );
    expect(append).toMatchObject({ status: 400, json: { errors: [{ path: expect.stringMatching(/^messages\.0/) }] } });
  });
});

const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
