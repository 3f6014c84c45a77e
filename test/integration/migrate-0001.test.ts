import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksum } from '../../daemon/store/sqlite/transaction.ts';
import type { Value } from '../../daemon/store/tx.ts';
import { TestHome, type SpawnOptions } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { fixtureFile, install, recordedOf, unlike } from '../helpers/schema-fixture.ts';
import { Tree } from '../helpers/tree.ts';

// Invariant: 0002 writes the rows of sessions anew, and their checksums with them. A row that was damaged must not
// come out of it as a whole one, and nothing that was stored may be lost or changed.

type Row = Record<string, SQLOutputValue>;

/** One row of every kind, changed behind the daemon's back. */
const damage = `
  UPDATE session SET title = 'spoiled' WHERE app = 'first' AND id = 'long';
  UPDATE session SET sum = sum + 1 WHERE app = 'first' AND id = 'empty';
  UPDATE session_head SET head = head - 1 WHERE session_no = (SELECT session_no FROM session WHERE app = 'second');
  UPDATE log SET content = '{}' WHERE id = 'm-1-5';
  UPDATE log SET answer = '{}' WHERE position = (SELECT max(position) FROM log WHERE key IS NOT NULL);
  UPDATE feed SET url = 'https://example.com/' WHERE name = 'plain' AND app = 'first';
  UPDATE history SET value = '{}' WHERE position = (SELECT min(position) FROM history);
`;

/** Every row of a database that no daemon has open, by table. */
function contentOf(file: string): Map<string, Row[]> {
  const db = new DatabaseSync(file, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const rows = tables.map(({ name }) => [String(name), db.prepare(`SELECT * FROM "${String(name)}"`).all()] as const);
  db.close();
  return new Map(rows);
}

/** The rows whose checksum is wrong, each by its table and key. */
function damagedIn(content: Map<string, Row[]>): string[] {
  return [...content].flatMap(([table, rows]) =>
    rows.flatMap((row) => {
      const { sum, ...columns } = row;
      const values = Object.values(columns) as Value[];
      const key = values.slice(0, typeof values[0] === 'number' ? 1 : 2);
      return sum === undefined || checksum(values) === sum ? [] : [`${table} ${key.join(' ')}`];
    }),
  );
}

/** A row of schema 1 as it must be found again: checksums are made anew, and messages call their session a branch. */
function columnsNow(table: string, { sum: _sum, ...row }: Row): Row {
  if (table !== 'log') return row;
  const { session_no: branch, ...others } = row;
  return { ...others, branch: branch ?? null };
}

describe('the migration of schema 1', () => {
  let home: TestHome;
  beforeEach(() => {
    home = new TestHome();
    install(fixtureFile('0001'), home.paths);
  });
  afterEach(() => home[Symbol.asyncDispose]());

  function spoil(): Map<string, Row[]> {
    const db = new DatabaseSync(home.paths.database);
    db.exec(damage);
    db.close();
    return contentOf(home.paths.database);
  }

  /** Starts a daemon, which migrates, and stops it. */
  async function migrated(options?: SpawnOptions): Promise<Map<string, Row[]>> {
    const daemon = await home.start(options);
    expect((await daemon.end()).code).toBe(0);
    return contentOf(home.paths.database);
  }

  it('leaves no checksum wrong where none was', async () => {
    expect(damagedIn(contentOf(home.paths.database))).toEqual([]);
    const after = await migrated();
    expect(damagedIn(after)).toEqual([]);
    expect(after.get('branch')).toHaveLength(after.get('session')?.length ?? 0);
  });

  it('keeps every damaged row damaged, and makes no other one so', async () => {
    const before = damagedIn(spoil());
    expect(before).toHaveLength(7);
    expect(damagedIn(await migrated())).toEqual(before);
  });

  it('keeps every row and every value, the damaged ones as they were', async () => {
    const before = spoil();
    const after = await migrated();
    for (const [table, rows] of before) {
      if (table === 'compatibility') continue;
      const kept = rows.map((row) => columnsNow(table, row));
      // Made when such a store is opened first.
      const made = new Set<unknown>(['token_key', 'file']);
      const now = (after.get(table) ?? []).filter(({ name }) => !made.has(name));
      expect([table, now.length]).toEqual([table, rows.length]);
      expect(now).toMatchObject(kept);
    }
  });

  it('keeps a copy of the database as it was, damage and all', async () => {
    const before = spoil();
    await migrated();
    expect(contentOf(join(home.paths.data, 'backups', 'schema-1.db'))).toEqual(before);
  });

  it('tells each damaged record by name, and reads all others as they were recorded', async () => {
    spoil();
    await home.start();
    const { sessions, feeds } = home.client({ app: 'first' });
    const second = home.client({ app: 'second' });
    for (const call of [
      () => sessions.get({ id: 'long' }),
      () => sessions.get({ id: 'empty' }),
      () => sessions.update({ id: 'long', patch: { title: 'x' } }),
      () => second.sessions.append({ id: 'shared-id', messages: [{}] }),
      () => feeds.get({ name: 'plain' }),
    ]) {
      expect(await refusal(call())).toMatchObject({ code: 'damaged', status: 422 });
    }
    expect((await sessions.list({ sort: 'id' })).damagedCount).toBe(2);
    const { items, damagedCount } = await sessions.messages({ id: 'long', limit: 1000 });
    expect([items.length, damagedCount]).toEqual([120, 1]);
    expect(items.find((item) => 'damaged' in item)).toMatchObject({ id: 'm-1-5', seq: 46 });
    const spoiled = /^(feeds(\?|\/plain)|sessions\?|sessions\/(empty|long)|sessions\/shared-id)/;
    const whole = recordedOf('0001').reads.filter(({ app, path }) => app === 'first' && !spoiled.test(path));
    expect(whole.length).toBeGreaterThan(4);
    expect(await unlike(home.paths.socket, whole)).toEqual([]);
  });

  it('lets what is whole fork, change, go and come back like any session', async () => {
    spoil();
    await home.start();
    const { sessions } = home.client({ app: 'first' });
    const fork = await sessions.fork({ id: 'shared-id', upTo: 3 });
    const { items } = await sessions.messages({ id: 'shared-id', limit: 1000 });
    expect((await sessions.messages({ id: fork.id })).items).toEqual(items.slice(0, 3));
    const messages = items.map((item) => {
      const { seq: _, ...message } = item;
      return message;
    });
    expect(await sessions.replace({ id: 'shared-id', messages })).toMatchObject({ generation: 0, head: items.length });
    await sessions.delete({ id: 'shared-id' });
    expect(await sessions.restore({ id: 'shared-id' })).toMatchObject({ head: items.length });
  });

  it('red control: one that makes every checksum anew is seen to hide damage', async () => {
    const before = damagedIn(spoil());
    using tree = new Tree();
    const file = tree.file('daemon/store/sqlite/migrations/0002-sessions.sql');
    const source = readFileSync(file, 'utf8');
    const careless = source.replaceAll(/CASE sum WHEN row_sum\([^)]*\)\s+THEN (row_sum\([^)]*\))\s+ELSE -1 END/g, '$1');
    writeFileSync(file, careless);
    const after = damagedIn(await migrated(tree.daemon));
    expect(before.filter((row) => !after.includes(row)).map((row) => row.split(' ')[0])).toEqual([
      'session',
      'session',
      'session_head',
    ]);
  });
});
