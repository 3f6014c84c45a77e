import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';

// Each application has the same three of everything, and its own damage to 'b', made behind the daemon's back and
// without mending the checksum.
const damages: Record<string, string> = {
  feed: "UPDATE feed SET url = 'https://example.com/feed.xml' WHERE app = 'feed' AND name = 'b'",
  'feed.time': "UPDATE feed SET created_at = created_at + 1 WHERE app = 'feed.time' AND name = 'b'",
  'feed.huge': "UPDATE feed SET position = position | (1 << 60) WHERE app = 'feed.huge' AND name = 'b'",
  'feed.json': "UPDATE feed SET metadata = '{' WHERE app = 'feed.json' AND name = 'b'",
  session: "UPDATE session SET title = 'other' WHERE app = 'session' AND id = 'b'",
  'session.json': "UPDATE session SET metadata = '[' WHERE app = 'session.json' AND id = 'b'",
  head: "UPDATE session_head SET head = head - 1 WHERE session_no = (SELECT session_no FROM session WHERE app = 'head' AND id = 'b')",
  'head.huge':
    "UPDATE session_head SET updated_at = updated_at | (1 << 60) WHERE session_no = (SELECT session_no FROM session WHERE app = 'head.huge' AND id = 'b')",
  'head.gone':
    "DELETE FROM session_head WHERE session_no = (SELECT session_no FROM session WHERE app = 'head.gone' AND id = 'b')",
  message: `UPDATE log SET content = '{"n":7}' WHERE app = 'message' AND id = 'b2'`,
  'message.json': "UPDATE log SET content = '{' WHERE app = 'message.json' AND id = 'b2'",
  'message.gone': "DELETE FROM log WHERE app = 'message.gone' AND id = 'b2'",
  'message.key': "UPDATE log SET answer = replace(answer, '1', '9') WHERE app = 'message.key' AND key = 'b'",
};

const append = (client: Client, id: string) =>
  client.sessions.append({ id, messages: [1, 2, 3].map((n) => ({ id: `${id}${n}`, n })) }, { key: id });

const reason: unknown = expect.stringMatching(/checksum|missing/);
const damaged = (name: string) => ({
  code: 'damaged',
  status: 422,
  retryable: false,
  message: expect.stringContaining(name) as unknown,
});

interface Page {
  items: object[];
  damagedCount: number;
  nextCursor: string | null;
}
function placesIn({ items, damagedCount, nextCursor }: Page) {
  const ids = items.map((item) => String('id' in item ? item.id : 'name' in item ? item.name : ''));
  return { ids: ids.toSorted(), damaged: items.filter((item) => 'damaged' in item), damagedCount, nextCursor };
}
const inPlace = {
  ids: ['a', 'b', 'c'],
  damaged: [{ id: 'b', damaged: { reason } }],
  damagedCount: 1,
  nextCursor: null,
};

describe('damage', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  const apps = new Map<string, Client>();
  const of = (app: string) => apps.get(app) ?? home.client({ app });
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    for (const app of Object.keys(damages)) {
      const client = home.client({ app });
      apps.set(app, client);
      for (const id of ['a', 'b', 'c']) {
        await Promise.all([
          client.feeds.put({ name: id, url, metadata: { id } }),
          client.sessions.create({ id, title: id }),
        ]);
        await append(client, id);
      }
    }
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    const touched = Object.values(damages).map((sql) => Number(db.prepare(sql).run().changes));
    db.close();
    if (touched.some((changes) => changes !== 1)) throw new Error(`not every damage was done: ${touched.join()}`);
    daemon = await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  describe.each(['feed', 'feed.time', 'feed.huge', 'feed.json'])('%s', (app) => {
    it('is told by name, to readers and writers', async () => {
      expect(await refusal(of(app).feeds.get({ name: 'b' }))).toMatchObject(damaged("'b'"));
      expect(await refusal(of(app).feeds.patch({ name: 'b', patch: { category: 'c' } }))).toMatchObject(damaged("'b'"));
      expect(await of(app).feeds.get({ name: 'a' })).toMatchObject({ name: 'a', metadata: { id: 'a' } });
    });

    it.each(['id', 'createdAt'] as const)('is in its place in the list by %s', async (sort) => {
      expect(placesIn(await of(app).feeds.list({ sort }))).toEqual(inPlace);
      expect((await of(app).sessions.list()).damagedCount).toBe(0);
    });
  });

  describe.each(['session', 'session.json', 'head', 'head.huge', 'head.gone'])('%s', (app) => {
    it('is told by name', async () => {
      expect(await refusal(of(app).sessions.get({ id: 'b' }))).toMatchObject(damaged("'b'"));
      expect(await of(app).sessions.get({ id: 'a' })).toMatchObject({ id: 'a', title: 'a', messageCount: 3 });
    });

    it.each(['id', 'createdAt', 'updatedAt'] as const)('is in its place in the list by %s', async (sort) => {
      expect(placesIn(await of(app).sessions.list({ sort }))).toEqual(inPlace);
      expect((await of(app).feeds.list()).damagedCount).toBe(0);
    });

    it('leaves the others’ messages readable and writable', async () => {
      expect((await of(app).sessions.messages({ id: 'a' })).items).toHaveLength(3);
      expect((await of(app).sessions.append({ id: 'a', messages: [{ id: 'a1', n: 1 }] })).head).toBe(3);
    });
  });

  it.each(['head', 'head.huge', 'head.gone'])('%s: its session is neither read past nor appended to', async (app) => {
    expect(await refusal(of(app).sessions.messages({ id: 'b' }))).toMatchObject(damaged("'b'"));
    expect(await refusal(of(app).sessions.append({ id: 'b', messages: [{ n: 4 }] }))).toMatchObject(damaged("'b'"));
  });

  describe.each(['message', 'message.json', 'message.gone'])('%s', (app) => {
    it.each(['asc', 'desc'] as const)('is in its place among the others, %s', async (order) => {
      const { items, damagedCount, head } = await of(app).sessions.messages({ id: 'b', order });
      const expected = [
        { id: 'b1', seq: 1, n: 1 },
        { seq: 2, damaged: { reason } },
        { id: 'b3', seq: 3, n: 3 },
      ];
      expect(items).toMatchObject(order === 'asc' ? expected : expected.toReversed());
      expect({ damagedCount, head }).toEqual({ damagedCount: 1, head: 3 });
    });

    it('is alone: other sessions, and what is appended next', async () => {
      expect((await of(app).sessions.messages({ id: 'a' })).damagedCount).toBe(0);
      expect((await of(app).sessions.get({ id: 'b' })).messageCount).toBe(3);
    });
  });

  it.each(['message', 'message.json'])('%s: sent again it is told as damaged, not as other content', async (app) => {
    expect(await refusal(of(app).sessions.append({ id: 'b', messages: [{ id: 'b2', n: 2 }] }))).toMatchObject(
      damaged("'b2'"),
    );
  });

  it('a remembered answer is not given, and its call not made again', async () => {
    expect(await refusal(append(of('message.key'), 'b'))).toMatchObject(damaged("'b'"));
    expect((await of('message.key').sessions.get({ id: 'b' })).head).toBe(3);
  });

  it('leaves the daemon serving, and health tells that it was met', async () => {
    const health = { status: 'degraded', reasons: ['damage_found'], pid: daemon.pid };
    expect(await of('feed').system.health()).toMatchObject(health);
    expect(daemon.log.filter(({ status }) => status === 500)).toEqual([]);
  });
});
