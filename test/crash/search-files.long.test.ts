import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the search index is made of the log and holds nothing of its own: whatever becomes of its files, a search
// answers what the log says, after an honest error at most.

const count = 3000;
const words = ['w0', 'w96', 'v7', 'unique1500', 'unique2999', 'common', '"w3 v21"'];
const text = (n: number) => `w${n % 97} v${(n * 7) % 301} unique${n} ${'common '.repeat((n % 5) + 1)}`;
/** The messages that hold a word or a phrase, by a scan of what was stored. */
const scan = (word: string) =>
  Array.from({ length: count }, (_, n) => n).filter((n) => ` ${text(n)} `.includes(` ${word.replaceAll('"', '')} `));
const expected = Object.fromEntries(words.map((word) => [word, scan(word)]));

async function found(client: Client, input: object = { fresh: true }) {
  const results: Record<string, number[]> = {};
  for (const q of words) {
    const pages = await walk((cursor) => client.search.messages({ q, limit: 100, ...input, ...cursor }));
    results[q] = itemsOf(pages)
      .map(({ seq }) => seq - 1)
      .toSorted((a, b) => a - b);
  }
  return results;
}

/** So many pages from one that is damaged to the next. */
const step = process.env['HOLDFAST_EVERY_STEP'] ? 15 : 45;

const indexOf = (home: TestHome) => join(home.paths.data, 'search.db');
const epochOf = async (client: Client) => (await client.sessions.get({ id: 's' })).revision.split('.')[0];

function withSqlite(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}
function overwrite(path: string, from: number, to: number, bytes: string | number): void {
  const content = readFileSync(path);
  writeFileSync(path, content.fill(bytes, from, to));
}

describe('the search index', () => {
  let template: TestHome;
  let foreign: TestHome;
  let epoch: string | undefined;
  beforeAll(async () => {
    [template, foreign] = [new TestHome(), new TestHome()];
    for (const home of [template, foreign]) {
      const daemon = await home.start();
      const client = home.client();
      await client.sessions.create({ id: 's' });
      const own = home === template ? text : (n: number) => `other ${text(n + 1)}`;
      for (let from = 0; from < count; from += 1000) {
        const messages = Array.from({ length: 1000 }, (_, n) => ({ text: own(from + n) }));
        await client.sessions.append({ id: 's', messages });
      }
      await client.search.messages({ q: 'w0', fresh: true });
      epoch ??= await epochOf(client);
      await daemon.end();
      // A copy goes on as the same store.
      withSqlite(home.paths.database, "DELETE FROM meta WHERE name = 'file'");
    }
  });
  afterAll(() => Promise.all([template, foreign].map((home) => home[Symbol.asyncDispose]())));

  /** What a search finds in the template's store with its index changed, and the daemon's log. */
  async function after(change: (path: string) => void) {
    await using home = new TestHome();
    cpSync(template.paths.data, home.paths.data, { recursive: true });
    change(indexOf(home));
    const daemon = await home.start();
    const client = home.client();
    expect(await epochOf(client)).toBe(epoch);
    return { found: await found(client), reasons: (await client.system.health()).reasons, log: daemon.log };
  }

  const damages: [string, (path: string) => void][] = [
    ['untouched', () => undefined],
    ['deleted', (path) => rmSync(path)],
    ['empty', (path) => truncateSync(path, 0)],
    ['cut to a word', (path) => writeFileSync(path, 'SQLite')],
    ['cut to its first page', (path) => truncateSync(path, 4096)],
    ['cut in half', (path) => truncateSync(path, Math.floor(readFileSync(path).length / 8192) * 4096)],
    ['text', (path) => writeFileSync(path, 'This is no database. '.repeat(1000))],
    ['without a whole header', (path) => overwrite(path, 0, 100, 'garbage ')],
    ['without a whole schema', (path) => overwrite(path, 100, 4096, 'garbage ')],
    [
      'another database',
      (path) => (rmSync(path), withSqlite(path, 'CREATE TABLE state (x); INSERT INTO state VALUES (1)')),
    ],
    ['without its words', (path) => withSqlite(path, 'DROP TABLE message')],
    ['without its days', (path) => withSqlite(path, 'DROP TABLE day')],
    ['without its state', (path) => withSqlite(path, 'DELETE FROM state')],
    ['of an older layout', (path) => withSqlite(path, 'UPDATE state SET layout = 0')],
    ['of a newer layout', (path) => withSqlite(path, 'UPDATE state SET layout = 1000')],
    ['further than the log', (path) => withSqlite(path, 'UPDATE state SET indexed_to = indexed_to + 1000')],
    ['of another store', (path) => cpSync(indexOf(foreign), path)],
    ['beside a WAL that is none of its own', (path) => writeFileSync(`${path}-wal`, 'garbage '.repeat(10_000))],
    ['only a WAL', (path) => (writeFileSync(`${path}-wal`, 'garbage '.repeat(10_000)), rmSync(path))],
    ['beside a wrong shared memory file', (path) => writeFileSync(`${path}-shm`, 'garbage '.repeat(8192))],
    ['read-only', (path) => withSqlite(path, "PRAGMA user_version = 7; PRAGMA journal_mode = 'delete'")],
  ];
  it.each(damages)('%s: every message is found', async (_, damage) => {
    const outcome = await after(damage);
    expect(outcome.found).toEqual(expected);
    expect(outcome.reasons).toEqual([]);
    expect(outcome.log.filter(({ status }) => status === 500)).toEqual([]);
  });

  it.each([
    ['zeros', 0],
    ['garbage', 'garbage '],
  ])('damaged in the middle by %s, page for page: every message is found', async (_, bytes) => {
    const pages = readFileSync(indexOf(template)).length / 4096;
    for (let page = 5; page < pages; page += step) {
      const outcome = await after((path) => overwrite(path, page * 4096, (page + 1) * 4096, bytes));
      expect({ page, found: outcome.found }).toEqual({ page, found: expected });
    }
  });

  it('left from before an older copy of the database came back is made anew', async () => {
    await using home = new TestHome();
    cpSync(template.paths.data, home.paths.data, { recursive: true });
    const client = home.client();
    const append = (word: string) =>
      client.sessions.append({ id: 's', messages: Array.from({ length: 500 }, (_, n) => ({ text: `${word}${n}` })) });
    const first = await home.start();
    await append('lost');
    expect((await client.search.messages({ q: 'lost7', fresh: true })).items).toHaveLength(1);
    await first.end();
    cpSync(template.paths.database, home.paths.database);
    await home.start();
    await Promise.all(['kept', 'more'].map(append));
    expect((await client.search.messages({ q: 'lost7', fresh: true })).items).toEqual([]);
    for (const q of ['kept7', 'kept499', 'more0']) {
      expect((await client.search.messages({ q, fresh: true })).items).toHaveLength(1);
    }
    expect(await found(client)).toEqual(expected);
  });

  it('that cannot be made is told, and nothing else suffers', async () => {
    await using home = new TestHome();
    cpSync(template.paths.data, home.paths.data, { recursive: true });
    rmSync(indexOf(home));
    mkdirSync(join(indexOf(home), 'in-the-way'), { recursive: true });
    const daemon = await home.start();
    const client = home.client({ deadlineMs: 2_000 });
    const failure = await client.search.messages({ q: 'w0' }).catch((error: Error) => error);
    expect(failure).toBeInstanceOf(Error);
    const patient = home.client();
    expect((await patient.sessions.append({ id: 's', messages: [{ text: 'after' }] })).head).toBe(count + 1);
    expect((await patient.sessions.messages({ id: 's', last: 1 })).items).toMatchObject([{ text: 'after' }]);
    rmSync(indexOf(home), { recursive: true });
    expect(await found(home.client())).toEqual(expected);
    expect(daemon.child.exitCode).toBeNull();
  });

  it('red control: rows that are gone from the index are missed, and the check tells', async () => {
    const outcome = await after((path) => withSqlite(path, 'DELETE FROM message WHERE rowid BETWEEN 1000 AND 2000'));
    expect(outcome.found).not.toEqual(expected);
  });

  it('holds no message that the log no longer has', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    for (const id of ['kept', 'erased']) {
      await client.sessions.create({ id });
      await client.sessions.append({ id, messages: [{ text: `heron ${id}` }, { text: 'heron' }] });
    }
    await client.search.messages({ q: 'heron', fresh: true });
    await client.sessions.delete({ id: 'erased', erase: true });
    const db = new DatabaseSync(indexOf(home), { readOnly: true, timeout: 5000 });
    const rows = () => db.prepare("SELECT rowid FROM message WHERE message MATCH 'heron'").all().length;
    await until('the erased ones are gone', async () => {
      await client.search.messages({ q: 'heron', fresh: true });
      return rows() === 2;
    });
    expect(db.prepare("SELECT rowid FROM message WHERE message MATCH 'erased'").all()).toEqual([]);
    db.close();
  });
});
