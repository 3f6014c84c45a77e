import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send, type RawReply } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';

const url = 'https://example.org/feed.xml';
const seen = ({ status, text, headers }: RawReply) => ({ status, text, etag: headers['etag'] });

describe('an idempotency key', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const call = (method: string, path: string, body: unknown, key: string, app = 'test') =>
    send(home.paths.socket, method, `/v1/apps/${app}/${path}`, body, { 'idempotency-key': key });
  const newSession = async () => (await client.sessions.create()).id;

  it('makes the answer the first one, byte for byte, and the effect the only one', async () => {
    const id = await newSession();
    const calls: [string, string, object][] = [
      ['POST', 'sessions', { title: 'x' }],
      ['PUT', 'feeds/a', { url, metadata: { b: 1, a: [2] } }],
      ['POST', `sessions/${id}/messages`, { messages: [{ n: 1 }, { n: 2 }], usage: { inputTokens: 5 } }],
      ['PATCH', 'feeds/a', { patch: { metadata: { n: 1 } } }],
      ['POST', 'feeds/a/rename', { to: 'b' }],
      ['PUT', 'feeds/b', { url, category: 'replaced' }],
    ];
    const first: RawReply[] = [];
    for (const [index, [method, path, body]] of calls.entries())
      first.push(await call(method, path, body, `each-${index}`));
    expect(first.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200, 200]);
    expect(
      first.every(
        ({ headers, text }) => headers['etag'] === `"${(JSON.parse(text) as { revision: string }).revision}"`,
      ),
    ).toBe(true);
    const before = [await client.feeds.list(), await client.sessions.list(), await client.sessions.get({ id })];

    const repeat = async () => {
      const again: RawReply[] = [];
      for (const [index, [method, path, body]] of calls.entries())
        again.push(await call(method, path, body, `each-${index}`));
      expect(again.map(seen)).toEqual(first.map(seen));
      expect([await client.feeds.list(), await client.sessions.list(), await client.sessions.get({ id })]).toEqual(
        before,
      );
    };
    await repeat();
    await daemon.end('SIGKILL');
    daemon = await home.start();
    await repeat();
  });

  it('covers a delete, whose record is gone by then', async () => {
    await client.feeds.put({ name: 'gone', url });
    const remove = () => client.feeds.delete({ name: 'gone' }, { key: 'delete' });
    const first = await remove();
    expect(await remove()).toEqual(first);
    await client.feeds.put({ name: 'gone', url });
    expect(await remove()).toEqual(first);
    expect((await client.feeds.get({ name: 'gone' })).name).toBe('gone');
  });

  it('makes calls at the same time one call', async () => {
    const id = await newSession();
    const body = { messages: [{ n: 1 }], usage: { costNanoUsd: 3 } };
    const all = await Promise.all(
      Array.from({ length: 40 }, () => call('POST', `sessions/${id}/messages`, body, 'joined')),
    );
    expect(new Set(all.map((reply) => JSON.stringify(seen(reply)))).size).toBe(1);
    expect(all[0]?.status).toBe(201);
    expect(await client.sessions.get({ id })).toMatchObject({ messageCount: 1, costNanoUsd: 3 });
  });

  it('with another request is refused', async () => {
    const id = await newSession();
    const path = `sessions/${id}/messages`;
    expect((await call('POST', path, { messages: [{ n: 1 }] }, 'reused')).status).toBe(201);
    const other = await newSession();
    for (const [place, body] of [
      [path, { messages: [{ n: 2 }] }],
      [path, { messages: [{ n: 1 }], expectedHead: 0 }],
      [`sessions/${other}/messages`, { messages: [{ n: 1 }] }],
    ] as const) {
      expect(await call('POST', place, body, 'reused')).toMatchObject({
        status: 422,
        json: { code: 'key_reused', retryable: false, detail: expect.stringContaining('reused') },
      });
    }
    expect((await client.sessions.get({ id })).messageCount).toBe(1);
    expect((await client.sessions.get({ id: other })).messageCount).toBe(0);
  });

  it('belongs to its application and operation', async () => {
    const key = 'scope';
    const replies = [
      await call('POST', 'sessions', { id: 'scope' }, key),
      await call('POST', 'sessions', { id: 'scope' }, key, 'other'),
      await call('PUT', 'feeds/scope', { url }, key),
      await call('POST', 'sessions/scope/messages', { messages: [{}] }, key),
    ];
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  });

  it('is not used up by a call that failed', async () => {
    const id = await newSession();
    const append = (expectedHead: number, key: string) =>
      call('POST', `sessions/${id}/messages`, { messages: [{}], expectedHead }, key);
    expect((await append(1, 'failed')).status).toBe(412);
    await client.sessions.append({ id, messages: [{}] });
    expect((await append(1, 'failed')).status).toBe(201);

    expect((await call('PATCH', 'feeds/late', { patch: {} }, 'failed')).status).toBe(404);
    await client.feeds.put({ name: 'late', url });
    expect((await call('PATCH', 'feeds/late', { patch: {} }, 'failed')).status).toBe(200);

    // After a refusal another request may have it too.
    expect((await call('POST', `sessions/${id}/messages`, { messages: [] }, 'invalid')).status).toBe(400);
    expect((await call('POST', `sessions/${id}/messages`, { messages: [{}] }, 'invalid')).status).toBe(201);
  });

  it('has 1 to 200 characters', async () => {
    for (const key of ['', '""', ' ', 'k'.repeat(201), `"${'k'.repeat(201)}"`]) {
      const reply = await call('POST', 'sessions', {}, key);
      expect(reply).toMatchObject({
        status: 400,
        json: { code: 'invalid_input', detail: expect.stringContaining('idempotency-key') },
      });
    }
    for (const key of ['k', 'k'.repeat(200), `"${'q'.repeat(200)}"`]) {
      expect((await call('POST', 'sessions', {}, key)).status).toBe(201);
    }
  });

  it('is the same in quotes as without', async () => {
    const [plain, quoted] = [
      await call('POST', 'sessions', {}, 'quoted'),
      await call('POST', 'sessions', {}, '"quoted"'),
    ];
    expect(seen(quoted)).toEqual(seen(plain));
  });

  it('keeps the answer of a thousand messages', async () => {
    const id = await newSession();
    const body = { messages: Array.from({ length: 1000 }, (_, n) => ({ n })) };
    const first = await call('POST', `sessions/${id}/messages`, body, 'thousand');
    expect((first.json as { messages: object[] }).messages).toHaveLength(1000);
    expect(seen(await call('POST', `sessions/${id}/messages`, body, 'thousand'))).toEqual(seen(first));
    expect(itemsOf(await client.sessions.messages({ id, limit: 1000 })).map(({ n }) => n)).toEqual(
      body.messages.map(({ n }) => n),
    );
    expect((await client.sessions.get({ id })).head).toBe(1000);
  });

  it('holds also where the call found nothing to change', async () => {
    const id = await newSession();
    await client.sessions.append({ id, messages: [{ id: 'm' }] });
    const path = `sessions/${id}/messages`;
    const first = await call('POST', path, { messages: [{ id: 'm' }] }, 'nothing');
    await client.sessions.append({ id, messages: [{ id: 'n' }] });
    expect(seen(await call('POST', path, { messages: [{ id: 'm' }] }, 'nothing'))).toEqual(seen(first));
    expect((await call('POST', path, { messages: [{ id: 'o' }] }, 'nothing')).status).toBe(422);
  });
});
