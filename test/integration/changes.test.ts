import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { raiseFloor } from '../helpers/floor.ts';
import { readAll } from '../helpers/streams.ts';

// GET /v1/changes: which changes are told, in which words, and from where.

const url = 'https://example.org/';
let home: TestHome;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client({ client: 'tests/1' });
});
afterAll(() => home[Symbol.asyncDispose]());

/** An application of its own for each test, and the position before it. */
let apps = 0;
async function fresh() {
  const app = `app-${++apps}`;
  using reader = await EventReader.open(home.paths.socket);
  await expect.poll(() => reader.lastId).toBeDefined();
  return { app, after: String(reader.lastId), of: home.client({ app, client: 'tests/1' }) };
}
const put = (name: string) => ({ op: 'feeds.put' as const, input: { name, url } });
const follow = (query: string) => EventReader.open(home.paths.socket, query);

describe('changes', () => {
  it('are told in commit order, with who made them and by what, and without the content', async () => {
    const { app, after, of } = await fresh();
    await of.feeds.put({ name: 'news', url });
    await of.sessions.create({ id: 'one' });
    await of.sessions.append({
      id: 'one',
      messages: [{ id: 'm1', role: 'user', content: 'a marker text' }, { id: 'm2' }],
    });
    await of.feeds.delete({ name: 'news' });
    using reader = await follow(`?after=${after}&app=${app}`);
    await reader.count(5);
    expect(reader.told).toEqual(['feed news', 'session one', 'message m1', 'message m2', 'feed news']);
    expect(reader.changes.map(({ op }) => op)).toEqual([
      'feeds.put',
      'sessions.create',
      'sessions.append',
      'sessions.append',
      'feeds.delete',
    ]);
    expect(reader.changes[2]).toEqual({
      position: expect.stringMatching(/^[0-9a-f]{8}\.\d+$/),
      tx: reader.changes[2]?.['position'],
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      app,
      kind: 'message',
      id: 'm1',
      op: 'sessions.append',
      session: 'one',
      seq: 1,
      client: 'tests/1',
      pid: process.pid,
      requestId: expect.any(String),
    });
    expect(JSON.stringify(reader.events)).not.toContain('marker');
  });

  it('of one call or atomic batch share their tx, and say who made the batch', async () => {
    const { app, after, of } = await fresh();
    await of.batch.run({ atomic: true, calls: [put('a'), put('b')] });
    await of.feeds.rename({ name: 'b', to: 'c' });
    using reader = await follow(`?after=${after}&app=${app}`);
    await reader.count(4);
    expect(reader.told).toEqual(['feed a', 'feed b', 'feed b', 'feed c']);
    const [a, b, old, renamed] = reader.changes.map(({ tx }) => tx);
    expect([a, old]).toEqual([b, renamed]);
    expect(a).not.toBe(old);
    expect(reader.changes.map(({ pid }) => pid)).toEqual(Array.from({ length: 4 }, () => process.pid));
  });

  it('are filtered by application, kind, and id, which of a message is also its session', async () => {
    const { app, after, of } = await fresh();
    const other = `${app}-other`;
    await home.client({ app: other }).feeds.put({ name: 'news', url });
    await of.feeds.put({ name: 'news', url });
    for (const id of ['one', 'two']) {
      await of.sessions.create({ id });
      await of.sessions.append({ id, messages: [{ id: `in-${id}` }] });
    }
    const told = async (query: string, count: number) => {
      using reader = await follow(`?after=${after}&${query}`);
      await reader.count(count);
      return reader.told;
    };
    expect(await told(`app=${app}&app=${other}&kind=feed`, 2)).toEqual(['feed news', 'feed news']);
    expect(await told(`app=${app}&kind=session&kind=message&id=two`, 2)).toEqual(['session two', 'message in-two']);
    expect(await told(`app=${other}`, 1)).toEqual(['feed news']);
  });

  it('hide the rows that are no change of a record, and still move the place to go on from', async () => {
    const { app, after, of } = await fresh();
    await of.sessions.create({ id: 'one', title: 'same' });
    // Changes nothing, and is remembered by its key: a row that tells nobody anything.
    await of.sessions.update({ id: 'one', patch: { title: 'same' } });
    await of.feeds.put({ name: 'last', url });
    using reader = await follow(`?app=${app}&after=${after}`);
    await reader.count(2);
    expect(reader.told).toEqual(['session one', 'feed last']);
    const [first = 0, last = 0] = reader.changes.map(({ position }) => Number(String(position).split('.')[1]));
    expect(last - first).toBe(2);
  });

  it('begin now when no position is named: the first thing said is where that is', async () => {
    using reader = await follow('');
    await expect.poll(() => reader.events.length).toBe(1);
    expect(reader.events[0]).toEqual({ id: expect.stringMatching(/^\w+\.\d+$/) });
    await client.feeds.put({ name: 'later', url });
    await reader.count(1);
    expect(reader.told).toEqual(['feed later']);
  });

  it('go on after Last-Event-ID as after `after`; both that differ are refused', async () => {
    const { app, after, of } = await fresh();
    for (const name of ['a', 'b', 'c']) await of.feeds.put({ name, url });
    using first = await follow(`?after=${after}&app=${app}`);
    await first.count(3);
    const [{ position } = {}] = first.changes;
    const header = { 'last-event-id': String(position) };
    using second = await EventReader.open(home.paths.socket, `?app=${app}`, header);
    await second.count(2);
    expect(second.told).toEqual(['feed b', 'feed c']);
    // Cut off before the first event, it would go on from where it was, and miss none.
    expect(second.events[0]).toEqual({ id: position });
    using both = await EventReader.open(home.paths.socket, '?after=0', header);
    expect(both.status).toBe(400);
  });
});

/** What the daemon answers to a position that it refuses. */
async function refused(query: string) {
  const { status, text } = await readAll(home.paths.socket, `/v1/changes${query}`);
  return { status, ...(JSON.parse(text) as { code: string; detail: string }) };
}

describe('a position', () => {
  it('of another store is 410 reset', async () => {
    expect(await refused('?after=00000000.1')).toMatchObject({ status: 410, code: 'reset' });
  });

  it.each(['nonsense', '1', '%20', 'a.b', '-1'])('that is none, %s, is 400 and named', async (after) => {
    expect(await refused(`?after=${after}`)).toMatchObject({ status: 400, code: 'invalid_input' });
  });

  it('that is ahead of the store is 400', async () => {
    const { after } = await fresh();
    const [epoch] = after.split('.');
    expect(await refused(`?after=${epoch}.999999999`)).toMatchObject({ status: 400 });
  });

  it('below the floor is 410 compacted with the floor; from there it goes on', async () => {
    await using old = new TestHome();
    const daemon = await old.start();
    const { revision } = await old.client().feeds.put({ name: 'a', url });
    for (const name of ['b', 'c']) await old.client().feeds.put({ name, url });
    await daemon.end();
    await raiseFloor(old.paths.database, 2);
    await old.start();
    const { status, text } = await readAll(old.paths.socket, `/v1/changes?after=${revision}`);
    const { code, floor } = JSON.parse(text) as { code: string; floor: string };
    expect({ status, code, floor }).toEqual({ status: 410, code: 'compacted', floor: revision.replace(/\d+$/, '2') });
    for (const after of [floor, '0']) {
      using reader = await EventReader.open(old.paths.socket, `?after=${after}`);
      await reader.count(1);
      expect(reader.told).toEqual(['feed c']);
    }
    await expect(old.client().changes({ after: revision }).next()).rejects.toMatchObject({
      code: 'compacted',
      details: { floor },
    });
  });
});
