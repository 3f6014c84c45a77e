import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

const said = (id: string) => ({ id, role: 'user', content: `said ${id}` });
const three = ['a', 'b', 'c'].map(said);
const position = (revision: string) => Number(revision.split('.')[1]);
const ifMatch = (revision: string) => ({ headers: { 'if-match': `"${revision}"` } });
const twenty = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, call));

describe('delete and restore', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  let id = '';
  let made = 0;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  beforeEach(async () => {
    id = `session ${++made}`;
    const about = { title: 'T', model: 'm', metadata: { a: 1 }, status: 'paused' as const };
    await client.sessions.replace({ id, ...about, messages: three, usage: { inputTokens: 3 } });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const path = (more = '') => `/v1/apps/test/sessions/${encodeURIComponent(id)}${more}`;
  const listed = async (deleted: boolean) => itemsOf(await client.sessions.list({ deleted, limit: 1000 }));
  const isGone = async () => (await refusal(client.sessions.get({ id }))).code;

  it('answers the tombstone, whose revision is later than the session’s and is its ETag', async () => {
    const { revision } = await client.sessions.get({ id });
    const { status, headers, json } = await curl(home.paths.socket, 'DELETE', path());
    const tombstone = json as { revision: string };
    expect({ status, json }).toEqual({ status: 200, json: { id, revision: tombstone.revision } });
    expect(headers['etag']).toBe(`"${tombstone.revision}"`);
    expect(position(tombstone.revision)).toBeGreaterThan(position(revision));
  });

  it('takes a session out of everything but the list of deleted ones', async () => {
    const { head, createdAt } = await client.sessions.get({ id });
    const { revision } = await client.sessions.delete({ id });
    expect((await listed(false)).map((item) => item.id)).not.toContain(id);
    const found = (await listed(true)).filter((item) => item.id === id);
    expect(found).toMatchObject([{ title: 'T', head, createdAt, revision, deletedAt: expect.stringMatching(/Z$/) }]);
    expect(await refusal(client.sessions.resolve({ prefix: id }))).toMatchObject({ code: 'not_found' });
    expect(itemsOf(await home.client({ app: 'other' }).sessions.list({ deleted: true }))).toEqual([]);
  });

  it('refuses whatever is asked of a deleted session, and says that it can be restored', async () => {
    await client.sessions.delete({ id });
    const calls: Promise<unknown>[] = [
      client.sessions.get({ id }),
      client.sessions.messages({ id }),
      Array.fromAsync(client.sessions.stream({ id })),
      Array.fromAsync(client.sessions.export({ id })),
      client.sessions.append({ id, messages: [said('d')] }),
      client.sessions.update({ id, patch: {} }),
      client.sessions.fork({ id }),
      client.sessions.delete({ id }),
      client.sessions.setDelivery({ id, messageId: 'a', delivery: 'sent' }),
      client.leases.acquire({ id, owner: 'x' }),
      client.drafts.put({ id, text: 'x' }),
      client.drafts.get({ id }),
    ];
    for (const error of await Promise.all(calls.map(refusal))) {
      expect(error).toMatchObject({ code: 'not_found', status: 404 });
      expect(error.message).toMatch(/was deleted at \d{4}-.*Z and can be restored/);
    }
  });

  it('restore brings all of it back, with a later revision and the messages as they were', async () => {
    await client.drafts.put({ id, text: 'half' });
    const before = await client.sessions.get({ id });
    const { items } = await client.sessions.messages({ id });
    const tombstone = await client.sessions.delete({ id });
    const restored = await client.sessions.restore({ id });
    const { revision, updatedAt } = restored;
    expect(restored).toEqual({ ...before, revision, updatedAt });
    expect(position(revision)).toBeGreaterThan(position(tombstone.revision));
    expect(Date.parse(updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
    expect((await client.sessions.messages({ id })).items).toEqual(items);
    expect((await client.drafts.get({ id })).text).toBe('half');
    expect((await listed(true)).map((item) => item.id)).not.toContain(id);
    const again = await client.sessions.append({ id, messages: [said('a'), said('d')] });
    expect(again).toMatchObject({ head: 4, messages: [{ seq: 1 }, { seq: 4 }] });
  });

  it('outlives a kill, in every state', async () => {
    await client.sessions.delete({ id });
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await isGone()).toBe('not_found');
    const restored = await client.sessions.restore({ id });
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await client.sessions.get({ id })).toEqual(restored);
  });

  it('restore is refused while a session of the id lives, naming its revision, or where none was deleted', async () => {
    const { revision } = await client.sessions.get({ id });
    const error = await refusal(client.sessions.restore({ id }));
    expect(error).toMatchObject({ code: 'exists', status: 409, details: { current: revision } });
    await client.sessions.delete({ id });
    const other = await client.sessions.create({ id, title: 'another' });
    expect(await refusal(client.sessions.restore({ id }))).toMatchObject({ details: { current: other.revision } });
    expect((await client.sessions.get({ id })).title).toBe('another');
    expect((await refusal(client.sessions.restore({ id: 'never was' }))).code).toBe('not_found');
  });

  it('a session made anew under the id is another one, and restore takes the newest back', async () => {
    const revisions = [(await client.sessions.get({ id })).revision, (await client.sessions.delete({ id })).revision];
    for (const title of ['second', 'third']) {
      revisions.push((await client.sessions.create({ id, title })).revision);
      expect((await client.sessions.messages({ id })).items).toEqual([]);
      await client.sessions.append({ id, messages: [said(title)] });
      revisions.push((await client.sessions.delete({ id })).revision);
    }
    expect(revisions.map(position)).toEqual(revisions.map(position).toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(6);
    expect((await listed(true)).filter((item) => item.id === id)).toHaveLength(3);
    expect(await client.sessions.restore({ id })).toMatchObject({ title: 'third' });
    expect((await client.sessions.messages({ id })).items).toMatchObject([said('third')]);
    expect((await listed(true)).filter((item) => item.id === id)).toHaveLength(2);
  });

  it('a stale revision is refused with the current one, also in If-Match', async () => {
    const { revision: old } = await client.sessions.get({ id });
    const { revision: current } = await client.sessions.append({ id, messages: [said('d')] });
    const error = await refusal(client.sessions.delete({ id, expectedRevision: old }));
    expect(error).toMatchObject({ code: 'stale', status: 412, details: { current } });
    expect(refused(await curl(home.paths.socket, 'DELETE', path(), ifMatch(old)))).toBe('412 stale');
    expect((await curl(home.paths.socket, 'DELETE', path(), ifMatch(current))).status).toBe(200);
  });

  it('each happens once for its key, whatever became of the id since', async () => {
    const remove = () => client.sessions.delete({ id }, { key: `delete ${id}` });
    const restore = () => client.sessions.restore({ id }, { key: `restore ${id}` });
    const [tombstone, restored] = [await remove(), await restore()];
    expect(await remove()).toEqual(tombstone);
    expect(await client.sessions.get({ id })).toEqual(restored);
    await client.sessions.delete({ id });
    expect(await restore()).toEqual(restored);
    expect(await isGone()).toBe('not_found');
  });

  it('of many that delete at once one does, and of many that restore one', async () => {
    const removed = await twenty(() => curl(home.paths.socket, 'DELETE', path()));
    expect(removed.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 404),
    ]);
    const back = await twenty(() => send(home.paths.socket, 'POST', path('/restore'), {}));
    expect(back.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 409),
    ]);
  });

  it('wrong fields are refused by name, and nothing is deleted', async () => {
    for (const [query, field] of [
      ['?erase=yes', 'erase'],
      ['?erase=1', 'erase'],
      ['?force=true', 'force'],
    ] as const) {
      expect(wrongFields(await curl(home.paths.socket, 'DELETE', path(query)))).toEqual([field]);
    }
    expect(wrongFields(await send(home.paths.socket, 'POST', path('/restore'), { revision: 'x' }))).toEqual([
      'revision',
    ]);
    expect((await client.sessions.get({ id })).deletedAt).toBeNull();
  });
});
