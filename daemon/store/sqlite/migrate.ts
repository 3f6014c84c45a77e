import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { version } from '../../../shared/protocol.ts';
import { ExitError } from '../../exit.ts';

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
 * Brings the schema up to this code. A newer schema is opened only where it says that this code can, in its table
 * `compatibility`; it is never lowered.
 */
export function migrate(db: DatabaseSync, path: string): void {
  const current = pragma(db, 'user_version');
  const owner = pragma(db, 'application_id');
  if (owner !== applicationId && (owner !== 0 || pragma(db, 'schema_version') !== 0)) {
    throw new ExitError(78, `${path} is not a holdfast database. Move it away, then start again.`);
  }
  if (current > schemaVersion) return refuseUnlessCompatible(db, path, current);
  for (const migration of migrations.filter(({ number }) => number > current)) {
    const known = pragma(db, 'user_version');
    if (known > 0 && migration.minCompatible > known) copyBefore(db, path, known);
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(migration.sql);
      db.exec(`
        CREATE TABLE IF NOT EXISTS compatibility (min_compatible INTEGER NOT NULL) STRICT;
        DELETE FROM compatibility;
        INSERT INTO compatibility VALUES (${migration.minCompatible});
        PRAGMA application_id = ${applicationId};
        PRAGMA user_version = ${migration.number};
        COMMIT;
      `);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw new Error(`migration ${migration.name} failed; the database is as it was`, { cause: error });
    }
  }
}

function refuseUnlessCompatible(db: DatabaseSync, path: string, current: number): void {
  const oldest = Number(db.prepare('SELECT min_compatible FROM compatibility').get()?.['min_compatible']);
  if (oldest <= schemaVersion) return;
  throw new ExitError(
    78,
    `${path} has schema version ${current}; holdfast ${version} knows ${schemaVersion} and the database needs at least ` +
      `${oldest}. Install a newer holdfast, or restore a copy from ${join(dirname(path), 'backups')}.`,
  );
}

/** A step that older code cannot follow keeps a copy: the way back. */
function copyBefore(db: DatabaseSync, path: string, known: number): void {
  const folder = join(dirname(path), 'backups');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const copy = join(folder, `schema-${known}.db`);
  // A copy of an earlier attempt at this very step is as good: the step never committed.
  if (!existsSync(copy)) db.prepare('VACUUM INTO ?').run(copy);
}
