import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { schemaVersion } from '../../daemon/store/sqlite/migrate.ts';
import { TestHome } from '../helpers/daemon.ts';
import { fixtureFile, fixtureNames, install, recordedOf, unlike } from '../helpers/schema-fixture.ts';
import { Tree } from '../helpers/tree.ts';

// No daemon of these tests runs while the test itself opens or hashes a database: see daemon/ownership.ts.

const newest = fixtureNames().at(-1) ?? '';
const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Runs SQL on a database that no daemon has open. */
function edit(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

/** Everything in a database: its version, its schema and all rows. */
function contentOf(file: string): Record<string, unknown> {
  const db = new DatabaseSync(file, { readOnly: true });
  const names = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const rows = names.map(({ name }) => [name, db.prepare(`SELECT * FROM "${String(name)}"`).all()]);
  const content = { ...db.prepare('PRAGMA user_version').get(), names, rows };
  db.close();
  return content;
}
const versionOf = (file: string) => contentOf(file)['user_version'];

let home: TestHome;
beforeEach(() => (home = new TestHome()));
afterEach(() => home[Symbol.asyncDispose]());

const copy = () => join(home.paths.data, 'backups', `schema-${schemaVersion}.db`);
const newer = (oldest: number) =>
  edit(home.paths.database, `PRAGMA user_version = 99; UPDATE compatibility SET min_compatible = ${oldest}`);

/** Whether a file is a database that today's holdfast reads as recorded. */
async function opensAsRecorded(file: string): Promise<void> {
  await using other = new TestHome();
  install(file, other.paths);
  install(fixtureFile(newest), { ...other.paths, database: join(other.home, 'unused.db') });
  // Its revisions are to be those that were recorded, though it is a copy.
  edit(other.paths.database, "DELETE FROM meta WHERE name = 'file'");
  await other.start();
  expect(await unlike(other.paths.socket, recordedOf(newest).reads)).toEqual([]);
}

describe('a checked-in database', () => {
  it('exists of this schema: node test/helpers/make-schema-fixture.ts', () => {
    expect(fixtureNames()).toContain(String(schemaVersion).padStart(4, '0'));
  });

  it.each(fixtureNames())('of schema %s opens, reads as recorded, replays its keys and takes writes', async (name) => {
    expect(statSync(fixtureFile(name)).size).toBeLessThan(300 * 1024);
    const recorded = recordedOf(name);
    expect([recorded.reads.length, recorded.replays.length].every((count) => count > 4)).toBe(true);
    install(fixtureFile(name), home.paths);
    await home.start();
    const { socket } = home.paths;
    expect(await unlike(socket, recorded.reads)).toEqual([]);
    expect(await unlike(socket, recorded.replays)).toEqual([]);
    // A replay is an answer, not a second execution.
    expect(await unlike(socket, recorded.reads)).toEqual([]);

    const client = home.client({ app: 'first' });
    const before = await client.feeds.get({ name: 'plain' });
    const after = await client.feeds.put({ name: 'plain', url: before.url, expectedRevision: before.revision });
    expect(after.createdAt).toBe(before.createdAt);
    const stale = client.feeds.put({ name: 'plain', url: before.url, expectedRevision: before.revision });
    await expect(stale).rejects.toMatchObject({ code: 'stale', details: { current: after.revision } });
    const { head } = await client.sessions.get({ id: 'long' });
    const appended = await client.sessions.append({
      id: 'long',
      messages: [{ id: 'new', role: 'user', content: 'x' }],
    });
    expect(appended.messages).toEqual([{ id: 'new', seq: head + 1 }]);
    expect((await client.system.version()).schemaVersion).toBe(schemaVersion);
  });
});

describe('a newer schema', () => {
  beforeEach(() => install(fixtureFile(newest), home.paths));

  it('eltmon/overdeck#1940: that says we can work with it is used, and not lowered', async () => {
    newer(schemaVersion);
    edit(home.paths.database, 'CREATE TABLE later (x TEXT) STRICT');
    const daemon = await home.start();
    expect(await unlike(home.paths.socket, recordedOf(newest).reads)).toEqual([]);
    await home.client({ app: 'first' }).feeds.delete({ name: 'plain' });
    await daemon.end();
    expect(versionOf(home.paths.database)).toBe(99);
  });

  it('Martian-Engineering/lossless-claw#581: that needs newer code is refused with what to do, and not touched', async () => {
    newer(schemaVersion + 1);
    // As a copy made by VACUUM INTO is, when it is put back.
    edit(home.paths.database, 'PRAGMA journal_mode = DELETE');
    const before = hashOf(home.paths.database);
    const daemon = home.spawn();
    expect(await daemon.exited).toMatchObject({ code: 78 });
    expect(daemon.stderr).toContain(home.paths.database);
    expect(daemon.stderr).toMatch(/Install a newer holdfast, or restore a copy from .*backups/);
    expect(hashOf(home.paths.database)).toBe(before);
  });
});

describe('a file of somebody else', () => {
  const others: [string, (file: string) => void][] = [
    ['with tables of its own', (file) => edit(file, 'CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)')],
    ['with an application id of its own', (file) => edit(file, 'PRAGMA application_id = 42')],
    ['in WAL mode', (file) => edit(file, 'PRAGMA journal_mode = WAL; CREATE TABLE theirs (x)')],
    ['that is no database', (file) => writeFileSync(file, 'once upon a time, '.repeat(1000))],
  ];
  it.each(others)('%s is refused with what to do, and not touched', async (_name, make) => {
    mkdirSync(home.paths.data, { mode: 0o700 });
    make(home.paths.database);
    const before = hashOf(home.paths.database);
    const daemon = home.spawn();
    expect(await daemon.exited).toMatchObject({ code: 78 });
    expect(daemon.stderr).toContain(home.paths.database);
    expect(daemon.stderr).toMatch(/[Mm]ove it away/);
    expect(hashOf(home.paths.database)).toBe(before);
    expect(readdirSync(home.paths.data).toSorted()).toEqual(['holdfast.db', 'owner.lock']);
  });
});

describe('a migration', () => {
  let tree: Tree;
  const next = schemaVersion + 1;
  const breaking = `-- min_compatible: ${next}\nCREATE TABLE later (x TEXT) STRICT;\nDELETE FROM feed;\n`;
  beforeEach(() => {
    tree = new Tree();
    install(fixtureFile(newest), home.paths);
  });
  afterEach(() => tree[Symbol.dispose]());

  /** Starts the later holdfast and stops it. */
  async function upgrade(sql: string): Promise<number | null> {
    tree.migrate(sql);
    const daemon = await home.start(tree.daemon);
    return (await daemon.end()).code;
  }

  it('that older code can follow keeps no copy, and older code goes on with the result', async () => {
    expect(await upgrade(`-- min_compatible: ${schemaVersion}\nCREATE TABLE later (x TEXT) STRICT;\n`)).toBe(0);
    expect([versionOf(home.paths.database), existsSync(copy())]).toEqual([next, false]);
    await opensAsRecorded(home.paths.database);
  });

  it('that older code cannot follow keeps a copy, the way back', async () => {
    const before = contentOf(home.paths.database);
    expect(await upgrade(breaking)).toBe(0);
    expect(versionOf(home.paths.database)).toBe(next);
    expect(contentOf(copy())).toEqual(before);
    expect(statSync(copy()).mode & 0o077).toBe(0);
    const daemon = home.spawn();
    expect(await daemon.exited).toMatchObject({ code: 78 });
    expect(daemon.stderr).toContain(join(home.paths.data, 'backups'));
    await opensAsRecorded(copy());
  });

  it('that fails half way leaves the database as it was, and names itself', async () => {
    const before = contentOf(home.paths.database);
    tree.migrate(`${breaking}INSERT INTO nowhere VALUES (1);\n`);
    const daemon = home.spawn(tree.daemon);
    expect((await daemon.exited).code).toBe(78);
    expect(daemon.stderr).toContain(`${tree.nextMigration}-made-up.sql`);
    expect(daemon.stderr).toContain(home.paths.database);
    expect(daemon.stderr).toContain('nowhere');
    expect(contentOf(home.paths.database)).toEqual(before);
    await opensAsRecorded(home.paths.database);
  });

  it('keeps a copy of today, not of an attempt that failed earlier', async () => {
    tree.migrate(`${breaking}INSERT INTO nowhere VALUES (1);\n`);
    await home.spawn(tree.daemon).exited;
    const between = await home.start();
    await home.client({ app: 'first' }).feeds.put({ name: 'written in between', url: 'https://example.org/' });
    await between.end();
    const before = contentOf(home.paths.database);
    expect(await upgrade(breaking)).toBe(0);
    expect(contentOf(copy())).toEqual(before);
  });

  it('keeps a whole copy where an earlier attempt was cut off while it copied', async () => {
    const before = contentOf(home.paths.database);
    mkdirSync(join(home.paths.data, 'backups'), { mode: 0o700 });
    copyFileSync(home.paths.database, copy());
    writeFileSync(copy(), readFileSync(copy()).subarray(0, 5000));
    expect(await upgrade(breaking)).toBe(0);
    expect(contentOf(copy())).toEqual(before);
  });
});
