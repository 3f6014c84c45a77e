import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { maxBody } from '../../shared/protocol.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { exchange } from '../helpers/raw.ts';
import { refusal } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';
/** JSON text that nests so deep: 1 is `{}` around a scalar. */
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const arrays = (depth: number) => `{"a":${'['.repeat(depth - 1)}1${']'.repeat(depth - 1)}}`;

/** Metadata of so many characters as JSON. */
const document = (characters: number, unit = 'x') => ({ a: unit.repeat(characters - '{"a":""}'.length) });
const limit = 1_048_576;
/** An append of so many bytes. */
function body(bytes: number): string {
  const text = '{"messages":[{"x":""}]}';
  return text.replace('""', `"${'x'.repeat(bytes - text.length)}"`);
}

describe('limits of JSON', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
    await client.sessions.create({ id: 's' });
    await client.feeds.put({ name: 'f', url });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (method: string, path: string, text: string) =>
    send(home.paths.socket, method, `/v1/apps/test/${path}`, text);

  describe.each<[string, string, (json: string) => ReturnType<typeof post>]>([
    ['a message', 'messages.0', (json) => post('POST', 'sessions/s/messages', `{"messages":[${json}]}`)],
    ['metadata of a session', 'metadata', (json) => post('POST', 'sessions', `{"metadata":${json}}`)],
    ['metadata of a feed', 'metadata', (json) => post('PUT', 'feeds/new', `{"url":"${url}","metadata":${json}}`)],
    ['a merge patch', 'patch.metadata', (json) => post('PATCH', 'feeds/f', `{"patch":{"metadata":${json}}}`)],
  ])('depth of %s', (_, path, give) => {
    it.each([objects, arrays])('200 is taken (%o)', async (make) => {
      expect((await give(make(200))).status).toBeLessThan(300);
    });

    // From a million on, a second look at such a value takes seconds in which nobody is served.
    it.each([201, 20_000, 1_000_000])('%i is refused by name, for that alone', async (depth) => {
      for (const make of [objects, arrays]) {
        const { status, json } = await give(make(depth));
        expect(status).toBe(400);
        const { errors, detail } = json as { errors: object[]; detail: string };
        expect(errors).toEqual([{ path, message: 'must not nest deeper than 200 levels' }]);
        expect(detail).toContain(path);
      }
    });
  });

  it.each([
    ['url', 'feeds/x', (json: string) => `{"url":${json}}`],
    ['tags.0', 'feeds/x', (json: string) => `{"url":"${url}","tags":[${json}]}`],
    ['other', 'feeds/x', (json: string) => `{"url":"${url}","other":${json}}`],
  ])('20,000 levels where %s belongs are refused by name', async (path, resource, around) => {
    for (const make of [objects, arrays]) {
      const { status, json } = await post('PUT', resource, around(make(20_000)));
      expect(status).toBe(400);
      expect(json).toMatchObject({ errors: [{ path }] });
    }
  });

  describe('of metadata: 1,048,576 characters', () => {
    it.each(['x', '€', '\ud800'])('are taken, of %j', async (unit) => {
      // A lone surrogate is six characters as JSON.
      const metadata = unit === '\ud800' ? { a: unit.repeat((limit - 10) / 6) } : document(limit, unit);
      const session = await client.sessions.create({ metadata });
      expect((await client.sessions.get({ id: session.id })).metadata['a'] === metadata.a).toBe(true);
      const feed = await client.feeds.put({ name: 'large', url, metadata });
      expect(feed.metadata['a'] === metadata.a).toBe(true);
    });

    it('and one more is refused by name', async () => {
      const metadata = document(limit + 1);
      for (const call of [
        () => client.sessions.create({ metadata }),
        () => client.feeds.put({ name: 'larger', url, metadata }),
      ]) {
        const { code, details } = await refusal(call());
        expect(code).toBe('invalid_input');
        expect(details.errors).toEqual([{ path: 'metadata', message: expect.stringContaining('1048576') }]);
      }
    });

    it('cannot be passed by patching', async () => {
      const half = 'x'.repeat(limit / 2);
      await client.feeds.put({ name: 'grown', url, metadata: { a: half } });
      const refused = await refusal(client.feeds.patch({ name: 'grown', patch: { metadata: { b: half } } }));
      expect(refused.details.errors).toMatchObject([{ path: 'patch.metadata' }]);
      expect(Object.keys((await client.feeds.get({ name: 'grown' })).metadata)).toEqual(['a']);
    });
  });

  describe('of a body: 16 MiB', () => {
    it('are taken and come back', async () => {
      const { id } = await client.sessions.create();
      expect((await post('POST', `sessions/${id}/messages`, body(maxBody))).status).toBe(201);
      const [message] = itemsOf(await client.sessions.messages({ id }));
      expect(String(message?.['x']).length).toBe(maxBody - '{"messages":[{"x":""}]}'.length);
    });

    it('and one byte more is 413, said or found out', async () => {
      const head =
        'POST /v1/apps/test/sessions/s/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
      const said = await exchange(home.paths.socket, `${head}content-length: ${maxBody + 1}\r\n\r\n`);
      const chunk = `transfer-encoding: chunked\r\n\r\n${(maxBody + 1).toString(16)}\r\n${body(maxBody + 1)}`;
      const found = await exchange(home.paths.socket, head, chunk);
      for (const { status, json } of [said, found]) {
        expect(status).toBe(413);
        expect(json).toMatchObject({ code: 'too_large', detail: expect.stringContaining('16 MiB') });
      }
    });

    it('is told to the application that passes it', async () => {
      const messages = [{ x: 'x'.repeat(maxBody) }];
      expect(await refusal(client.sessions.append({ id: 's', messages }))).toMatchObject({ code: 'too_large' });
    });
  });

  it('made the daemon neither fail nor stop', async () => {
    expect((await client.system.health()).pid).toBe(daemon.pid);
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
