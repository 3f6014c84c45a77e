import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { wrongFields } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';
const feeds = '/v1/apps/test/feeds';
const sessions = '/v1/apps/test/sessions';

describe('the input of an operation', () => {
  let home: TestHome;
  let socket: string;
  let revision = '';
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    socket = home.paths.socket;
    await send(socket, 'POST', sessions, { id: 's' });
    await send(socket, 'POST', `${sessions}/s/messages`, { messages: [{ n: 1 }, { n: 2 }] });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const putFeed = async (name = 'x') => {
    const reply = await send(socket, 'PUT', `${feeds}/${name}`, { url });
    revision = (reply.json as { revision: string }).revision;
  };
  describe('in the query', () => {
    it.each([
      ['limit', 'limit=abc'],
      ['limit', 'limit='],
      ['limit', 'limit=0'],
      ['limit', 'limit=-1'],
      ['limit', 'limit=1001'],
      ['limit', 'limit=1.5'],
      ['limit', 'limit=1e2'],
      ['limit', 'limit=0x10'],
      ['limit', 'limit=%201'],
      ['limit', 'limit=1&limit=2'],
      ['limit', 'limit=99999999999999999999'],
      ['order', 'order=up'],
      ['order', 'order=ASC'],
      ['sort', 'sort=title'],
      ['status', 'status=done'],
      ['updatedAfter', 'updatedAfter=yesterday'],
      ['updatedAfter', 'updatedAfter=2026-01-31'],
      ['updatedAfter', 'updatedAfter=2026-02-30T00:00:00Z'],
      ['updatedBefore', 'updatedBefore=2026-01-31T00:00:00%2B01:00'],
      ['model', 'model=a&model=b'],
      ['colour', 'colour=red'],
      ['Limit', 'Limit=1'],
      ['__proto__', '__proto__=1'],
      ['constructor', 'constructor=1'],
      ['app', 'app=other'],
    ])('%s is refused by name: ?%s', async (path, query) => {
      expect(wrongFields(await curl(socket, 'GET', `${sessions}?${query}`))).toEqual([path]);
    });

    it.each(['after=-1', 'after=x', 'before=0.5', 'last=0', 'last=1001', 'limit=true', 'metadata=x'])(
      'of messages: ?%s',
      async (query) => {
        const reply = await curl(socket, 'GET', `${sessions}/s/messages?${query}`);
        expect(wrongFields(reply)).toEqual([query.split('=')[0]]);
      },
    );

    it('becomes numbers and stays text by the type of the field', async () => {
      const page = await curl(socket, 'GET', `${sessions}/s/messages?limit=1&after=1&order=asc`);
      expect(page).toMatchObject({ status: 200, json: { items: [{ seq: 2 }] } });
      await send(socket, 'POST', sessions, { id: 'numeric', model: '42', workingDirectory: 'true' });
      const found = await curl(socket, 'GET', `${sessions}?model=42&workingDirectory=true&limit=1000`);
      expect(found).toMatchObject({ status: 200, json: { items: [{ id: 'numeric' }] } });
    });

    it('of an operation that takes a body is refused', async () => {
      const reply = await send(socket, 'PUT', `${feeds}/x?url=${encodeURIComponent(url)}`, { url });
      expect(reply).toMatchObject({ status: 400, json: { detail: expect.stringContaining('url') } });
      expect((await send(socket, 'POST', `${sessions}?key=x`, {})).status).toBe(400);
    });
  });

  describe('in the body', () => {
    it.each([
      ['colour', { url, colour: 'red' }],
      ['url', {}],
      ['url', { url: 7 }],
      ['url', { url: null }],
      ['ifAbsent', { url, ifAbsent: 'yes' }],
      ['ifAbsent', { url, ifAbsent: 'true' }],
      ['ifAbsent', { url, ifAbsent: 1 }],
      ['expectedRevision', { url, expectedRevision: 1 }],
      ['tags', { url, tags: 'a' }],
      ['tags.1', { url, tags: ['a', 2] }],
      ['auth.kind', { url, auth: {} }],
      ['auth.password', { url, auth: { kind: 'none', password: 'x' } }],
      ['metadata', { url, metadata: 'x' }],
    ])('%s is refused by name: %o', async (path, body) => {
      expect(wrongFields(await send(socket, 'PUT', `${feeds}/body`, body))).toEqual([path]);
      expect((await curl(socket, 'GET', `${feeds}/body`)).status).toBe(404);
    });

    it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('so is %s', async (path) => {
      expect(wrongFields(await send(socket, 'PUT', `${feeds}/body`, `{"url":"${url}","${path}":{"x":1}}`))).toEqual([
        path,
      ]);
    });

    it('names every wrong field', async () => {
      const { json } = await send(socket, 'PUT', `${feeds}/body`, { url: 'x', category: 7, tags: [1], other: 1 });
      const paths = (json as { errors: { path: string }[] }).errors.map(({ path }) => path);
      expect(paths.toSorted()).toEqual(['category', 'other', 'tags.0', 'url']);
    });
    it('names the first hundred faults of many, and says how many there are', async () => {
      const unknown = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field${n}`, n]));
      const reply = await send(socket, 'PUT', `${feeds}/body`, { url, ...unknown });
      expect(wrongFields(reply)).toEqual(Array.from({ length: 100 }, (_, n) => `field${n}`));
      expect(reply.json).toMatchObject({ detail: expect.stringContaining('(and 4999 more)') as string });
    });
  });

  describe('in two places', () => {
    it('is refused with different values and taken with equal ones', async () => {
      expect(wrongFields(await send(socket, 'PUT', `${feeds}/one`, { url, name: 'two' }))).toEqual(['name']);
      expect(wrongFields(await send(socket, 'PUT', `${feeds}/one`, { url, app: 'other' }))).toEqual(['app']);
      expect(wrongFields(await curl(socket, 'GET', `${sessions}/s?id=t`))).toEqual(['id']);
      expect((await send(socket, 'PUT', `${feeds}/one`, { url, name: 'one', app: 'test' })).status).toBe(201);
      expect((await curl(socket, 'GET', `${sessions}/s?id=s`)).status).toBe(200);
    });

    it('If-Match stands for expectedRevision', async () => {
      await putFeed();
      const quoted = { 'if-match': `"${revision}"` };
      expect(
        wrongFields(await send(socket, 'PUT', `${feeds}/x`, { url, expectedRevision: 'other.1' }, quoted)),
      ).toEqual(['expectedRevision']);
      expect(
        wrongFields(await curl(socket, 'DELETE', `${feeds}/x?expectedRevision=other.1`, { headers: quoted })),
      ).toEqual(['expectedRevision']);
      expect((await send(socket, 'PUT', `${feeds}/x`, { url, expectedRevision: revision }, quoted)).status).toBe(200);
      const stale = await send(socket, 'PUT', `${feeds}/x`, { url }, quoted);
      expect(stale).toMatchObject({ status: 412, json: { code: 'stale', current: expect.any(String) } });
      await putFeed();
      expect((await curl(socket, 'DELETE', `${feeds}/x`, { headers: { 'if-match': revision } })).status).toBe(200);
    });

    it('If-None-Match: * creates only', async () => {
      const onlyNew = { 'if-none-match': '*' };
      expect((await send(socket, 'PUT', `${feeds}/new`, { url }, onlyNew)).status).toBe(201);
      expect(await send(socket, 'PUT', `${feeds}/new`, { url }, onlyNew)).toMatchObject({
        status: 409,
        json: { code: 'exists' },
      });
      expect(wrongFields(await send(socket, 'PUT', `${feeds}/new`, { url, ifAbsent: false }, onlyNew))).toEqual([
        'ifAbsent',
      ]);
      expect((await send(socket, 'PUT', `${feeds}/new`, { url }, { 'if-none-match': '"tag"' })).status).toBe(400);
      expect((await send(socket, 'PUT', `${feeds}/new`, { url })).status).toBe(200);
    });

    it('a condition that an operation does not know is refused, not dropped', async () => {
      const conditions: Record<string, string>[] = [{ 'if-match': '"x.1"' }, { 'if-none-match': '*' }];
      for (const headers of conditions) {
        const reply = await send(socket, 'POST', sessions, {}, headers);
        expect(reply).toMatchObject({
          status: 400,
          json: { detail: expect.stringContaining(Object.keys(headers)[0] ?? '') },
        });
      }
      const { status } = await curl(socket, 'DELETE', `${feeds}/new`, { headers: { 'if-none-match': '*' } });
      expect(status).toBe(400);
    });
  });
});
