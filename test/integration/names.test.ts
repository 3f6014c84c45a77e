import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError, type Client } from '../../client/index.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';

describe('ids and names', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each([
    'a/b',
    '/',
    '../../etc/passwd',
    '%',
    '%2F',
    '%zz',
    'a?b=c&d',
    '#fragment',
    ' ',
    ' x ',
    'a+b c',
    '...',
    ':verb',
    'x:rename',
    'rename',
    '{name}',
    '*',
    '\\',
    `"quoted" 'single'`,
    '__proto__',
    'constructor',
    'undefined',
    '👨‍👩‍👧‍👦',
    'שלום',
    '\ufeff',
    '\u2028',
    'x'.repeat(200),
    '😀'.repeat(200),
  ])('%j names a feed and a session through the client', async (name) => {
    const feed = await client.feeds.put({ name, url });
    expect(feed.name).toBe(name);
    expect(await client.feeds.get({ name })).toEqual(feed);
    expect((await client.feeds.patch({ name, patch: { category: 'c' } })).category).toBe('c');
    const to = `${name.slice(0, name.length / 2)}2`;
    expect((await client.feeds.rename({ name, to })).name).toBe(to);
    expect((await client.feeds.rename({ name: to, to: name })).name).toBe(name);
    const listed = itemsOf(await client.feeds.list({ limit: 1000 })).map((item) => item.name);
    expect(listed.filter((each) => each === name || each === to)).toEqual([name]);
    expect((await client.feeds.delete({ name })).id).toBe(name);

    const session = await client.sessions.create({ id: name });
    expect(session.id).toBe(name);
    const { messages } = await client.sessions.append({ id: name, messages: [{ id: name }] });
    expect(messages).toEqual([{ id: name, seq: 1 }]);
    expect(itemsOf(await client.sessions.messages({ id: name }))).toEqual(messages);
  });

  const wrong: [string, string][] = [
    ['empty', ''],
    ['.', '.'],
    ['..', '..'],
    ['201 letters', 'x'.repeat(201)],
    ['201 emoji', '😀'.repeat(201)],
    ['5,000 letters', 'x'.repeat(5000)],
    ['NUL', 'a\0b'],
    ['a line feed', 'a\nb'],
    ['DEL', 'a\u007f'],
    ['C1', '\u0085'],
    ['a lone surrogate', 'a\ud800'],
  ];

  it.each(wrong)('%s is refused in a body, naming the field and the rule', async (_, text) => {
    const message = expect.stringMatching(/^must (have 1 to 200|not hold|not be|be well-formed)/);
    const attempts = [
      ['sessions', { id: text }, 'id'],
      ['sessions/s/messages', { messages: [{ id: text }] }, 'messages.0.id'],
      ['feeds/f/rename', { to: text }, 'to'],
    ] as const;
    for (const [path, body, field] of attempts) {
      const { status, json } = await send(home.paths.socket, 'POST', `/v1/apps/test/${path}`, body);
      expect(status).toBe(400);
      expect(json).toMatchObject({ code: 'invalid_input', errors: [{ path: field, message }] });
    }
  });

  it.each(wrong)('%s is refused in a path by the client’s error', async (_, text) => {
    for (const call of [
      () => client.feeds.put({ name: text, url }),
      () => client.feeds.get({ name: text }),
      () => client.sessions.get({ id: text }),
      () => client.sessions.append({ id: text, messages: [{}] }),
    ]) {
      const error: unknown = await call().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(HoldfastError);
      expect(error).toMatchObject({ code: 'invalid_input', status: 400 });
    }
  });

  it('one that is left out, as JavaScript allows, is not taken for the text undefined', async () => {
    expect((await refusal(client.feeds.put({ url } as never))).code).toBe('invalid_input');
    expect((await refusal(client.feeds.get({ name: 'undefined' }))).code).toBe('not_found');
  });

  it.each(['%ED%A0%80', '%FF', '%C3', '%', '%zz', 'a%00b', '%2e', '%2E%2e'])(
    'the path text %s is refused',
    async (text) => {
      for (const path of [`feeds/${text}`, `sessions/${text}`, `sessions/${text}/messages`]) {
        const { status, json } = await curl(home.paths.socket, 'GET', `/v1/apps/test/${path}`);
        expect(status).toBe(400);
        expect(json).toMatchObject({ code: 'invalid_input', retryable: false });
      }
    },
  );

  it.each(['%ED%A0%80', '%FF', '%zz'])('the query text %s is refused, not taken as it stands', async (text) => {
    const { status, json } = await curl(home.paths.socket, 'GET', `/v1/apps/test/sessions?model=${text}`);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'invalid_input' });
  });

  it.each(['A', '-a', '.a', 'a b', 'é', 'a/b', 'x'.repeat(65), '..', '__proto__'])(
    'the application %j is refused by name',
    async (app) => {
      const refused = await refusal(client.feeds.list({ app }));
      expect(refused).toMatchObject({ code: 'invalid_input', details: { errors: [{ path: 'app' }] } });
    },
  );

  it('the application takes 64 of a-z 0-9 . _ -', async () => {
    const app = `0a._-${'x'.repeat(59)}`;
    await client.feeds.put({ app, name: 'x', url });
    expect((await client.feeds.list({ app })).items).toHaveLength(1);
  });
});
