import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { slice } from '../../daemon/store/changes.ts';
import * as costs from '../../daemon/store/resources/costs.ts';
import * as feeds from '../../daemon/store/resources/feeds.ts';
import * as queues from '../../daemon/store/resources/queues.ts';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { nextSlice } from '../../daemon/store/sqlite/search-source.ts';
import { walk } from '../helpers/pages.ts';
import { largestRead } from '../helpers/reads.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: however large records are, a call holds some megabytes of them in memory, and a walk has each once.

const mebi = 1024 * 1024;
const most = 5 * mebi;
const ids = Array.from({ length: 12 }, (_, n) => `r${String(n).padStart(2, '0')}`);
/** A megabyte each, but for every third: together two pages of them. */
const documentOf = (id: string) => ({ text: 'x'.repeat(Number(id.slice(1)) % 3 === 2 ? 10 : mebi - 100) });

const app = 'a';
let store: TxStore;
beforeEach(() => (store = new TxStore()));
afterEach(() => store[Symbol.dispose]());
const run: TxStore['run'] = (operation, input) => store.run(operation, input);

const addMessage = (id: string) => run(queues.add, { app, queue: 'q', id, body: documentOf(id) });
const usage = { app, provider: 'p', model: 'm', operation: 'o', costNanoUsd: 1 };
const record = (id: string) => run(costs.record, { ...usage, usageId: id, metadata: documentOf(id) });
const url = 'https://example.org/';
const tags = Array.from({ length: 100 }, (_, n) => `${n} ${'ü'.repeat(190)}`);
const putFeed = (id: string, about: object) => run(feeds.put, { app, name: id, url, ...about });

interface Kind {
  add: (id: string) => Promise<unknown>;
  list: (cursor: { cursor?: string }) => Promise<{ items: object[]; nextCursor: string | null }>;
}

describe('a walk over large records', () => {
  const page = { app, limit: 1000, order: 'asc' } as const;
  const kinds: Record<string, Kind> = {
    queues: { add: addMessage, list: (cursor) => run(queues.list, { ...page, queue: 'q', ...cursor }) },
    costs: { add: record, list: (cursor) => run(costs.list, { ...page, archived: false, ...cursor }) },
    feeds: {
      add: (id) => putFeed(id, { metadata: documentOf(id) }),
      list: (cursor) => run(feeds.list, { ...page, sort: 'id', ...cursor }),
    },
    // Their metadata is read for its checksum, though a list does not answer it.
    sessions: {
      add: (id) => run(sessions.create, { app, id, metadata: documentOf(id) }),
      list: (cursor) => run(sessions.list, { ...page, sort: 'id', deleted: false, ...cursor }),
    },
  };

  it.each(Object.entries(kinds))('of %s has each once, a few at a time', async (_, { add, list }) => {
    for (const id of ids) await add(id);
    const pages: { items: object[]; nextCursor: string | null }[] = [];
    expect(await largestRead(store, async () => pages.push(...(await walk(list))))).toBeLessThan(most + mebi);
    expect(pages.length).toBeGreaterThan(1);
    for (const { items } of pages) expect(JSON.stringify(items).length).toBeLessThan(most);
    const names = pages.flatMap(({ items }) => items.map((item) => Object.values(item).find((of) => ids.includes(of))));
    expect(names).toEqual(ids);
  });

  it('counts every column, not only the documents', async () => {
    const many = Array.from({ length: 200 }, (_, n) => `r${String(n).padStart(3, '0')}`);
    for (const id of many) await putFeed(id, { tags });
    const pages = await walk((cursor) => run(feeds.list, { ...page, sort: 'id', ...cursor }));
    expect(pages.length).toBe(2);
    for (const { items } of pages) expect(Buffer.byteLength(JSON.stringify(items))).toBeLessThan(most);
    expect(pages.flatMap(({ items }) => items)).toMatchObject(many.map((name) => ({ name })));
  });
});

describe('a write over large records', () => {
  it('costs.clear: archives each once, over several calls', async () => {
    for (const id of ids) await record(id);
    const calls = await walk(async (cursor) => ({ items: [], ...(await run(costs.clear, { app, ...cursor })) }));
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.reduce((sum, { archived }) => sum + archived, 0)).toBe(ids.length);
    const { total } = await run(costs.summary, { app, by: [] });
    expect(total).toMatchObject({ records: ids.length, archived: ids.length });
  });

  it('queues.clear: removes each once, and says how many are left', async () => {
    for (const id of ids) await addMessage(id);
    let left = ids.length;
    for (let calls = 0; left > 0; calls++) {
      expect(calls).toBeLessThan(ids.length);
      const answer = await run(queues.clear, { app, queue: 'q' });
      expect(answer).toEqual({ cleared: left - answer.left, left: answer.left, claimed: 0 });
      expect(answer.cleared).toBeGreaterThan(0);
      // Five of a megabyte are more than a call takes.
      expect(answer.cleared).toBeLessThan(9);
      left = answer.left;
    }
    const kept = store.db.prepare("SELECT id FROM history WHERE kind = 'queue' ORDER BY position").all();
    expect(kept).toEqual(ids.map((id) => ({ id: `q/${id}` })));
  });

  it('queues.reorder: moves the messages and leaves what is in them', async () => {
    for (const id of ids) await addMessage(id);
    const order = ids.toReversed();
    expect(await run(queues.reorder, { app, queue: 'q', ids: order })).toEqual({ ids: order });
    const rows = store.db.prepare('SELECT id, length(body) AS n FROM queue_message ORDER BY rank').all();
    expect(rows).toEqual(order.map((id) => ({ id, n: JSON.stringify(documentOf(id)).length })));
  });

  it('a sum that is made again reads one record at a time', async () => {
    for (const id of ids) await record(id);
    store.db.exec('UPDATE cost_sum SET records = 7');
    expect(await largestRead(store, () => record('r99'))).toBeLessThan(2 * mebi);
    expect((await run(costs.summary, { app, by: [] })).total).toMatchObject({ records: ids.length + 1 });
  });
});

describe('a read of the log whose rows have large answers', () => {
  beforeEach(async () => {
    for (const id of ids) await putFeed(id, {});
    store.db.prepare("UPDATE log SET answer = ? WHERE kind = 'feed'").run('x'.repeat(mebi));
  });

  it('changes: has each once, some at a time', async () => {
    const seen: string[] = [];
    let after = '0';
    const step = () => run(slice, { after });
    const all = async () => {
      for (let next = await step(); next.next !== after; next = await step()) {
        seen.push(...next.changes.map(({ id }) => id));
        after = next.next;
      }
    };
    expect(await largestRead(store, all)).toBeLessThan(2.5 * mebi);
    expect(seen).toEqual(ids);
  });

  it('the index of the search: takes some at a time', async () => {
    let after = 0;
    const all = async () => {
      for (let done = false; !done;) {
        const { to, all: ended } = await nextSlice(store.tx, after);
        [after, done] = [to, ended];
      }
    };
    expect(await largestRead(store, all)).toBeLessThan(most);
    expect(after).toBe(store.db.prepare('SELECT max(position) AS n FROM log').get()?.['n']);
  });
});
