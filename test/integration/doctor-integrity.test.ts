import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { diagnose, diagnoseAll, furnish, named } from '../helpers/doctor.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';

// One database, sound, of one daemon; each test damages a copy of it. Red control: the sound one.

let home: TestHome;
const kept = () => `${home.home}/kept.db`;
/** Writes over bytes of the file, as a disk does that goes bad. */
function spoil(offset: number, bytes: Buffer): void {
  const file = openSync(home.paths.database, 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
const databaseFindings = async () => (await diagnose(home)).filter(({ check }) => check === 'database');
const damage = <T>(work: (db: DatabaseSync) => T): T => tamper(home.paths.database, work);

beforeAll(async () => {
  home = new TestHome();
  const daemon = await home.start();
  const client = home.client();
  for (const id of ['one', 'two']) {
    await client.sessions.create({ id });
    const messages = Array.from({ length: 20 }, (_, n) => ({ role: 'user', content: `${n} `.repeat(1000) }));
    await client.sessions.append({ id, messages });
  }
  // Longer than a page: its middle lies on a page of its own.
  const content = `${'z'.repeat(10_000)}needle${'z'.repeat(10_000)}`;
  await client.sessions.append({ id: 'two', messages: [{ id: 'long', role: 'user', content }] });
  await client.feeds.put({ name: 'news', url: 'https://example.org/' });
  await client.auth.put({ profile: 'work', kind: 'api-key', apiKey: 'a key that is sealed' });
  await daemon.end();
  copyFileSync(home.paths.database, kept());
});
afterAll(() => home[Symbol.asyncDispose]());
beforeEach(() => {
  for (const end of ['-wal', '-shm']) writeFileSync(`${home.paths.database}${end}`, '');
  copyFileSync(kept(), home.paths.database);
});

it('red control: doctor finds nothing in the sound one', async () => {
  expect(await databaseFindings()).toEqual([]);
});

describe('doctor names', () => {
  it.each([
    ['a feed', "UPDATE feed SET url = 'https://example.com/'", { kind: 'feed', app: 'test', id: 'news' }],
    ['a session', "UPDATE session SET title = 'x' WHERE id = 'two'", { kind: 'session', app: 'test', id: 'two' }],
    [
      'a head of a session',
      'UPDATE session_head SET head = head + 1 WHERE session_no = 1',
      { kind: 'session_head', app: 'test', id: 'one' },
    ],
    ['a sum', 'UPDATE credential SET sum = sum + 1', { kind: 'credential', app: 'test', id: 'work' }],
    [
      'a number that no double holds',
      'UPDATE feed SET updated_at = 9007199254740993',
      { kind: 'feed', app: 'test', id: 'news' },
    ],
  ])('%s that was changed', async (_name, sql, record) => {
    damage((db) => changeOne(db, sql));
    const found = await databaseFindings();
    expect(found).toMatchObject([{ level: 'problem', records: [record] }]);
    expect(found[0]?.what).toMatch(/^A record is damaged/);
  });

  it('every damaged row of a table, and none beside it', async () => {
    damage((db) => db.exec("UPDATE log SET content = content || ' ' WHERE content IS NOT NULL AND position % 2 = 0"));
    const [found] = await databaseFindings();
    const wanted = damage((db) =>
      db.prepare('SELECT id FROM log WHERE content IS NOT NULL AND position % 2 = 0 ORDER BY position').all(),
    );
    expect(wanted.length).toBeGreaterThan(10);
    expect(found?.records?.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
  });

  it('a row whose bytes were turned over, on the screen too', async () => {
    const bytes = readFileSync(home.paths.database);
    const at = bytes.indexOf('17 17 17 17 17');
    spoil(at, Buffer.from('X'));
    const { code, stdout } = await holdfast(home, ['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^holdfast has 1 problem\.\n\nProblem: A record is damaged/);
    expect(stdout).toMatch(/\n {4}message \S+ of test: wrong checksum\n/);
  });

  it('the one row that cannot be read, and looks at those after it', async () => {
    const needle = readFileSync(home.paths.database).indexOf('needle');
    damage((db) => changeOne(db, "UPDATE log SET client = 'x' WHERE kind = 'feed'"));
    spoil(needle - (needle % 4096), Buffer.alloc(4, 255));
    const [records, faults] = await databaseFindings();
    expect(records?.records).toMatchObject([
      { kind: 'message', app: 'test', id: 'long', reason: 'cannot be read' },
      { kind: 'feed', app: 'test', id: 'news', reason: expect.stringContaining('checksum') as string },
    ]);
    expect(faults?.what).toMatch(/^SQLite finds the database damaged: log: /);
  });

  it('rows of a page that cannot be read, and reads all others', async () => {
    const root = damage((db) =>
      Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'session'").get()?.['rootpage']),
    );
    spoil((root - 1) * 4096, Buffer.alloc(4096, 255));
    const [first, ...rest] = await databaseFindings();
    expect(rest).toEqual([]);
    expect(first?.what).toMatch(/^SQLite finds the database damaged: session: /);
    // A second look finds the other tables as sound as they were.
    damage((db) => changeOne(db, "UPDATE feed SET url = 'x'"));
    expect((await databaseFindings())[0]?.records).toMatchObject([{ kind: 'feed', id: 'news' }]);
  });

  it('a file that is no database', async () => {
    writeFileSync(home.paths.database, 'x'.repeat(8192));
    expect(await databaseFindings()).toMatchObject([
      { level: 'problem', what: expect.stringMatching(/could not be checked: file is not a database/) as string },
    ]);
  });
});

it('a large database is looked at only when it is asked for', async () => {
  await using large = new TestHome();
  furnish(large);
  writeFileSync(large.paths.database, '', { mode: 0o600 });
  truncateSync(large.paths.database, 201 * 1024 * 1024);
  expect(named(await diagnoseAll(large))).toContain('database note');
  expect(await diagnose(large)).toEqual([]);
  const { code, stdout } = await holdfast(large, ['doctor', '--integrity']);
  expect([code, stdout]).toEqual([1, expect.stringContaining('could not be checked')]);
});
