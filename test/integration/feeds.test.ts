import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError, type Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';

const url = 'https://example.org/feed.xml';

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => (error instanceof HoldfastError ? error : undefined),
  );

describe('feeds', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('creates with 201, replaces with 200, and answers the revision as ETag', async () => {
    const path = '/v1/apps/test/feeds/status';
    const created = await send(home.paths.socket, 'PUT', path, { url });
    const replaced = await send(home.paths.socket, 'PUT', path, { url, category: 'News' });
    expect([created.status, replaced.status]).toEqual([201, 200]);
    expect(replaced.headers['etag']).toBe(`"${(replaced.json as { revision: string }).revision}"`);
    expect(created.headers['etag']).not.toBe(replaced.headers['etag']);
  });

  it('keeps every field and fills what is absent', async () => {
    const metadata = { nested: { list: [1, null, 'x'] } };
    const feed = await client.feeds.put({
      name: 'Füße & Co',
      url,
      category: 'c',
      displayName: 'd',
      tags: ['a', 'b'],
      metadata,
    });
    expect(await client.feeds.get({ name: 'Füße & Co' })).toEqual(feed);
    expect(feed).toMatchObject({ category: 'c', displayName: 'd', tags: ['a', 'b'], metadata, auth: { kind: 'none' } });
  });

  it('compares names as NFC', async () => {
    await client.feeds.put({ name: 'caf\u00e9', url });
    expect((await client.feeds.get({ name: 'cafe\u0301' })).name).toBe('caf\u00e9');
  });

  it('patches: absent stays, null removes, metadata merges', async () => {
    await client.feeds.put({ name: 'p', url, category: 'c', metadata: { a: 1, b: { x: 1, y: 2 } } });
    const feed = await client.feeds.patch({ name: 'p', patch: { category: null, metadata: { b: { x: null }, n: 3 } } });
    expect(feed).toMatchObject({ url, category: null, metadata: { a: 1, b: { y: 2 }, n: 3 } });
  });

  it('renames in one step and refuses an existing name', async () => {
    await client.feeds.put({ name: 'old', url });
    const renamed = await client.feeds.rename({ name: 'old', to: 'new' });
    expect(renamed.name).toBe('new');
    expect((await refusal(client.feeds.get({ name: 'old' })))?.code).toBe('not_found');
    await client.feeds.put({ name: 'other', url });
    expect((await refusal(client.feeds.rename({ name: 'other', to: 'new' })))?.code).toBe('exists');
  });

  it('refuses a stale revision with the current one, also over delete and re-create', async () => {
    const first = await client.feeds.put({ name: 'guarded', url });
    const second = await client.feeds.put({ name: 'guarded', url, expectedRevision: first.revision });
    const stale = await refusal(client.feeds.put({ name: 'guarded', url, expectedRevision: first.revision }));
    expect(stale).toMatchObject({ code: 'stale', status: 412, details: { current: second.revision } });
    await client.feeds.delete({ name: 'guarded' });
    await client.feeds.put({ name: 'guarded', url });
    for (const { revision } of [first, second]) {
      const refused = await refusal(client.feeds.patch({ name: 'guarded', patch: {}, expectedRevision: revision }));
      expect(refused?.status).toBe(412);
    }
  });

  it.each([
    ['ftp://example.org/x', 'url'],
    ['https://user:secret@example.org/', 'url'],
    ['not a url', 'url'],
  ])('refuses the url %s by name', async (bad, path) => {
    const refused = await refusal(client.feeds.put({ name: 'bad', url: bad }));
    expect(refused).toMatchObject({ code: 'invalid_input', details: { errors: [{ path }] } });
    expect(refused?.message).not.toContain('secret');
  });

  it('lists every feed exactly once, in pages, by name and by creation', async () => {
    const own = home.client({ app: 'list' });
    const names = Array.from({ length: 25 }, (_, index) => `feed-${String(index).padStart(2, '0')}`);
    for (const name of names.toReversed()) await own.feeds.put({ name, url });
    for (const sort of ['id', 'createdAt'] as const) {
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await own.feeds.list({ limit: 10, sort, order: 'asc', ...(cursor && { cursor }) });
        seen.push(...page.items.map((item) => ('name' in item ? item.name : 'damaged')));
        cursor = page.nextCursor ?? undefined;
      } while (cursor);
      expect(seen.toSorted()).toEqual(names);
    }
  });

  describe('P1.1: 50 processes', () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    let reports: number[][];
    beforeAll(async () => {
      const module = join(import.meta.dirname, 'feed-process.ts');
      const env = { HOLDFAST_HOME: home.home };
      const runs = names.map((name) => runProcess<number[]>(module, ['the-same', name], env).done);
      reports = (await Promise.all(runs)).flat();
    });

    it('put 50 feeds, all are stored', async () => {
      expect(reports.map(([, own]) => own)).toEqual(names.map(() => 201));
      const { items } = await home.client({ app: 'processes' }).feeds.list({ limit: 1000 });
      const stored = items.map((item) => ('name' in item ? item.name : ''));
      expect(stored.toSorted()).toEqual([...names, 'the-same'].toSorted());
    });

    it('create one name: one 201, forty-nine 409', () => {
      const statuses = reports.map(([same]) => same);
      expect(statuses.filter((status) => status === 201)).toHaveLength(1);
      expect(statuses.filter((status) => status === 409)).toHaveLength(49);
    });
  });
});
