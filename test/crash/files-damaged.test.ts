import { copyFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Paths } from '../../shared/paths.ts';
import { TestHome } from '../helpers/daemon.ts';

// Invariant: a file that is not what holdfast wrote is never repaired, emptied or written over: the daemon ends with
// 78 and the path, and serves again once the file is back.

const garbage = Buffer.from('This is no database. '.repeat(1000));

function overwrite(path: string, from: number, to = Infinity): void {
  const bytes = readFileSync(path);
  bytes.fill('garbage ', from, Math.min(to, bytes.length));
  writeFileSync(path, bytes);
}

function withSqlite(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

describe('damaged files at the start', () => {
  let original: TestHome;
  beforeAll(async () => {
    original = new TestHome();
    const daemon = await original.start();
    await original.client().feeds.put({ name: 'kept', url: 'https://example.org/' });
    await daemon.end();
  });
  afterAll(() => original[Symbol.asyncDispose]());

  let home: TestHome;
  beforeEach(() => {
    home = new TestHome();
    cpSync(original.home, home.home, { recursive: true });
    return () => home[Symbol.asyncDispose]();
  });

  it.each<[string, keyof Paths, (path: string) => void]>([
    ['the database is text', 'database', (path) => writeFileSync(path, garbage)],
    ['the database is empty', 'database', (path) => truncateSync(path, 0)],
    ['the database is cut short', 'database', (path) => truncateSync(path, 3 * 4096)],
    ['the header of the database is damaged', 'database', (path) => overwrite(path, 0, 100)],
    ['the schema of the database is damaged', 'database', (path) => overwrite(path, 100, 4096)],
    ['every page of the database but the first is damaged', 'database', (path) => overwrite(path, 4096)],
    ['the database is of another application', 'database', (path) => withSqlite(path, 'PRAGMA application_id = 1')],
    ['the database has lost its tables', 'database', (path) => withSqlite(path, 'DROP TABLE log')],
    ['the schema of the database is newer', 'database', newer],
    ['owner.lock is text', 'ownerLock', (path) => writeFileSync(path, garbage)],
    ['owner.lock is a word', 'ownerLock', (path) => writeFileSync(path, 'locked')],
    ['the socket is a file', 'socket', (path) => writeFileSync(path, 'x')],
  ])('%s: 78, named, untouched; it serves with the right file back', async (_, name, damage) => {
    const path = home.paths[name];
    const copy = `${path}.copy`;
    if (name !== 'socket') copyFileSync(path, copy);
    damage(path);
    const before = readFileSync(path);

    const refused = home.spawn();
    expect(await refused.exited).toEqual({ code: 78, signal: null });
    expect(refused.stderr).toContain(path);
    expect(refused.log.at(-1)).toMatchObject({ level: 60, exitCode: 78 });
    expect(readFileSync(path).equals(before)).toBe(true);

    // Red control: nothing but the file was the reason.
    if (name === 'socket') rmSync(path);
    else copyFileSync(copy, path);
    await home.start();
    expect((await home.client().feeds.get({ name: 'kept' })).name).toBe('kept');
  });
});

function newer(path: string): void {
  withSqlite(path, 'PRAGMA user_version = 1000; UPDATE compatibility SET min_compatible = 1000');
}
