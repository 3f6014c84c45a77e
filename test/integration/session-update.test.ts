import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

const parse = (text: string) => JSON.parse(text) as JsonObject;

describe('update', () => {
  let home: TestHome;
  let client: Client;
  let id = '';
  let made = 0;
  const about = { title: 'T', model: 'm', workingDirectory: '/w', metadata: { a: { b: 1, c: 2 }, list: [1, 2] } };
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  beforeEach(async () => {
    id = `session ${++made}`;
    await client.sessions.create({ id, ...about });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const patch = (body: unknown, headers = {}) =>
    send(home.paths.socket, 'PATCH', `/v1/apps/test/sessions/${encodeURIComponent(id)}`, body, headers);
  const metadataAfter = async (metadata: JsonObject | null) =>
    JSON.stringify((await client.sessions.update({ id, patch: { metadata } })).metadata);

  it('answers 200 with the whole session, whose ETag is its new revision', async () => {
    const { revision } = await client.sessions.get({ id });
    const { status, headers, json } = await patch({ patch: { title: 'new' } });
    const after = await client.sessions.get({ id });
    expect({ status, json }).toEqual({ status: 200, json: after });
    expect(headers['etag']).toBe(`"${after.revision}"`);
    expect(after.revision).not.toBe(revision);
    expect(after).toMatchObject({ ...about, title: 'new' });
  });

  it('changes what the patch names and nothing else; null clears', async () => {
    const cleared = await client.sessions.update({ id, patch: { title: null, workingDirectory: null } });
    expect(cleared).toMatchObject({ ...about, title: null, workingDirectory: null });
    const set = await client.sessions.update({ id, patch: { title: '', status: 'paused' } });
    expect(set).toMatchObject({ title: '', model: 'm', workingDirectory: null, status: 'paused' });
    await client.sessions.append({ id, messages: [{ role: 'user', content: 'x' }], usage: { inputTokens: 1 } });
    const kept = await client.sessions.update({ id, patch: { model: null } });
    expect(kept).toMatchObject({ head: 1, preview: 'x', inputTokens: 1, generation: 0, createdAt: set.createdAt });
  });

  it('merges metadata as RFC 7396 says', async () => {
    expect(await metadataAfter({ a: { b: null, d: { e: null } } })).toBe('{"a":{"c":2,"d":{}},"list":[1,2]}');
    expect(await metadataAfter({ list: [null, 3], a: 7 })).toBe('{"a":7,"list":[null,3]}');
    expect(await metadataAfter({ a: { x: {} }, list: null })).toBe('{"a":{"x":{}}}');
    expect(await metadataAfter({})).toBe('{"a":{"x":{}}}');
    expect(await metadataAfter(null)).toBe('{}');
    expect(await metadataAfter({ none: null })).toBe('{}');
  });

  it('takes a key named __proto__ for data at every depth', async () => {
    const first = '{"__proto__":{"x":1,"__proto__":{"y":[]}},"constructor":{"z":1}}';
    await metadataAfter(null);
    expect(await metadataAfter(parse(first))).toBe(first);
    expect(await metadataAfter(parse('{"__proto__":{"x":null,"__proto__":{"w":2}}}'))).toBe(
      '{"__proto__":{"__proto__":{"y":[],"w":2}},"constructor":{"z":1}}',
    );
    expect(await metadataAfter(parse('{"__proto__":null,"constructor":null}'))).toBe('{}');
  });

  it.each(hostile)('gives back exactly, and leaves alone when it is patched in again: %s', async (_, value) => {
    await metadataAfter(null);
    // A null in a patch clears; in arrays it is a value.
    const metadata = { value: [value] } as JsonObject;
    const first = await client.sessions.update({ id, patch: { metadata } });
    expect(differences((await client.sessions.get({ id })).metadata['value'], [value])).toEqual([]);
    expect(await client.sessions.update({ id, patch: { metadata } })).toEqual(first);
  });

  it('that changes nothing keeps revision and time: completing twice is completing once', async () => {
    const done = await client.sessions.update({ id, patch: { status: 'completed' } });
    for (const again of [
      { status: 'completed' as const },
      {},
      { metadata: {} },
      { metadata: { a: { b: 1 }, none: null } },
      { title: 'T', model: 'm', workingDirectory: '/w' },
    ]) {
      expect(await client.sessions.update({ id, patch: again })).toEqual(done);
    }
    const guarded = client.sessions.update({ id, patch: { status: 'completed' }, expectedRevision: done.revision });
    expect(await guarded).toEqual(done);
  });

  it('refuses a stale revision with the current one, also in If-Match, and when it would change nothing', async () => {
    const { revision: old } = await client.sessions.get({ id });
    const { revision: current } = await client.sessions.append({ id, messages: [{}] });
    for (const change of [{ title: 'lost' }, {}]) {
      const error = await refusal(client.sessions.update({ id, patch: change, expectedRevision: old }));
      expect(error).toMatchObject({ code: 'stale', status: 412, details: { current } });
    }
    expect(refused(await patch({ patch: {} }, { 'if-match': `"${old}"` }))).toBe('412 stale');
    expect((await patch({ patch: { title: 'T2' } }, { 'if-match': `"${current}"` })).status).toBe(200);
  });

  it('lets one of many win that read the same revision, and loses nothing of those that name none', async () => {
    const { revision } = await client.sessions.get({ id });
    const guarded = Array.from({ length: 20 }, (_, n) =>
      patch({ patch: { title: `${n}` }, expectedRevision: revision }),
    );
    const statuses = (await Promise.all(guarded)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 19 }, () => 412)]);
    await metadataAfter(null);
    await Promise.all(Array.from({ length: 40 }, (_, n) => patch({ patch: { metadata: { [`k${n}`]: n } } })));
    expect(Object.keys((await client.sessions.get({ id })).metadata)).toHaveLength(40);
  });

  it('bounds what metadata may grow to by merging, and says so', async () => {
    const half = 'x'.repeat(600_000);
    await client.sessions.update({ id, patch: { metadata: { one: half } } });
    const before = await client.sessions.get({ id });
    const reply = await patch({ patch: { title: 'lost', metadata: { two: half } } });
    expect(wrongFields(reply)).toEqual(['patch.metadata']);
    expect(await client.sessions.get({ id })).toEqual(before);
    expect((await patch({ patch: { metadata: { one: null, two: half } } })).status).toBe(200);
    expect(wrongFields(await patch({ patch: { metadata: { one: half + half } } }))).toEqual(['patch.metadata']);
  });

  it.each([
    ['patch', {}],
    ['patch', { patch: null }],
    ['patch', { patch: [] }],
    ['patch.status', { patch: { status: null } }],
    ['patch.status', { patch: { status: 'done' } }],
    ['patch.title', { patch: { title: 'a\0b' } }],
    ['patch.title', { patch: { title: '\ud800' } }],
    ['patch.model', { patch: { model: 'x'.repeat(1001) } }],
    ['patch.metadata', { patch: { metadata: [] } }],
    ['patch.metadata', { patch: { metadata: 'x' } }],
    ['patch.head', { patch: { head: 1 } }],
    ['patch.createdAt', { patch: { createdAt: '2020-01-01T00:00:00Z' } }],
    ['patch.__proto__', '{"patch":{"__proto__":{"title":"x"}}}'],
    ['title', { patch: {}, title: 'x' }],
  ])('refuses a wrong %s by name, and changes nothing: %o', async (path, body) => {
    const before = await client.sessions.get({ id });
    expect(wrongFields(await patch(body))).toEqual([path]);
    expect(await client.sessions.get({ id })).toEqual(before);
  });

  it('answers the same to its key, and does it once', async () => {
    const call = { id, patch: { title: 'once' } };
    const first = await client.sessions.update(call, { key: `once ${id}` });
    await client.sessions.update({ id, patch: { title: 'later' } });
    expect(await client.sessions.update(call, { key: `once ${id}` })).toEqual(first);
    expect((await client.sessions.get({ id })).title).toBe('later');
  });

  it('of a session that is not there, or is deleted, says so and how to have it back', async () => {
    expect((await refusal(client.sessions.update({ id: 'nowhere', patch: {} }))).code).toBe('not_found');
    await client.sessions.delete({ id });
    const error = await refusal(client.sessions.update({ id, patch: { title: 'x' } }));
    expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('can be restored') });
  });
});
