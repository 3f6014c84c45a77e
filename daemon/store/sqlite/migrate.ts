import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { version } from '../../../shared/protocol.ts';
import { ExitError } from '../../exit.ts';
import type { Value } from '../tx.ts';
import { openWriter } from './connection.ts';
import { isStorageFailure } from './errors.ts';
import { checksum } from './transaction.ts';

/** "hold" in ASCII: how SQLite's header names the application that owns a file. */
const applicationId = 0x686f6c64;

interface Migration {
  number: number;
  name: string;
  sql: string;
  /** The oldest schema version whose code can still work with the result. */
  minCompatible: number;
}

/** Numbered SQL files, never edited once released. Read when this module loads: an upgrade on disk changes nothing. */
const migrations: Migration[] = readdirSync(new URL('./migrations/', import.meta.url))
  .filter((file) => /^\d{4}-.+\.sql$/.test(file))
  .toSorted()
  .map((file) => {
    const sql = readFileSync(new URL(`./migrations/${file}`, import.meta.url), 'utf8');
    const minCompatible = Number(/^-- min_compatible: (\d+)$/m.exec(sql)?.[1]);
    if (!minCompatible) throw new Error(`migration ${file} does not say '-- min_compatible: N'`);
    return { number: Number(file.slice(0, 4)), name: file, sql, minCompatible };
  });

export const schemaVersion = migrations.at(-1)?.number ?? 0;

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/**
 * Refuses a file that is not ours or that newer code made, before anything is written to it. A newer schema is taken
 * only where it says, in its table `compatibility`, that this code can work with it; it is never lowered.
 */
export function checkFile(db: DatabaseSync, path: string): void {
  if (statSync(path).size === 0) {
    throw new ExitError(
      78,
      `${path} is empty, which holdfast never leaves. Restore a copy or delete it, then start again.`,
    );
  }
  const owner = pragma(db, 'application_id');
  if (owner !== applicationId && (owner !== 0 || pragma(db, 'schema_version') !== 0)) {
    throw new ExitError(78, `${path} is not a holdfast database. Move it away, then start again.`);
  }
  const current = pragma(db, 'user_version');
  if (current <= schemaVersion) return;
  // The highest of all steps taken: what an earlier one broke stays broken for older code.
  const oldest = db.prepare('SELECT max(min_compatible) AS oldest FROM compatibility').get()?.['oldest'];
  if (typeof oldest === 'number' && oldest <= schemaVersion) return;
  throw new ExitError(
    78,
    `${path} has schema version ${current}; holdfast ${version} knows ${schemaVersion} and the database needs at least ` +
      `${String(oldest ?? current)}. Install a newer holdfast, or restore a copy from ${join(dirname(path), 'backups')}.`,
  );
}

/** Makes a new store aside and links it into place: a file of that name always has content, and is never replaced. */
export function createStore(path: string): void {
  const aside = `${path}.${process.pid}`;
  for (const file of [aside, `${aside}-wal`, `${aside}-shm`]) rmSync(file, { force: true });
  const db = openWriter(aside, () => undefined);
  migrate(db, aside);
  db.close();
  try {
    linkSync(aside, path);
  } catch (error) {
    // Somebody else was first: theirs is the store, and the locks decide whose it is.
    if (!existsSync(path)) throw error;
  }
  rmSync(aside);
  flush(dirname(path));
}

/** Brings the schema up to this code, a migration and its version in one transaction. */
export function migrate(db: DatabaseSync, path: string): void {
  // What a migration that rewrites rows gives them as their checksum.
  const options = { varargs: true, deterministic: true, useBigIntArguments: true } as const;
  db.function('row_sum', options, (...values) => checksum(values as Value[]));
  const isNew = pragma(db, 'user_version') === 0;
  for (;;) {
    const current = pragma(db, 'user_version');
    const migration = migrations.find(({ number }) => number > current);
    if (!migration) return;
    if (!isNew && migration.minCompatible > current) copyBefore(db, path, current);
    try {
      db.exec('BEGIN IMMEDIATE');
      db.exec(migration.sql);
      db.exec(`
        CREATE TABLE IF NOT EXISTS compatibility (min_compatible INTEGER NOT NULL) STRICT;
        INSERT INTO compatibility VALUES (${migration.minCompatible});
        PRAGMA application_id = ${applicationId};
        PRAGMA user_version = ${migration.number};
        COMMIT;
      `);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      if (isStorageFailure(error)) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new ExitError(
        78,
        `${path} is as it was: its migration ${migration.name} failed (${why}). Install the holdfast it worked with.`,
        { cause: error },
      );
    }
  }
}

/** A step that older code cannot follow keeps a copy, whole or not at all: the way back. */
function copyBefore(db: DatabaseSync, path: string, current: number): void {
  const folder = join(dirname(path), 'backups');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const copy = join(folder, `schema-${current}.db`);
  const partial = `${copy}.partial`;
  rmSync(partial, { force: true });
  db.prepare('VACUUM INTO ?').run(partial);
  flush(partial);
  renameSync(partial, copy);
  flush(folder);
}

/** Makes a file or a directory durable. Only ever a copy: closing a descriptor of the database would drop its locks. */
function flush(path: string): void {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}
