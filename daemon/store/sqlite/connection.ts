import { DatabaseSync } from 'node:sqlite';

/** SQLite's primary result codes that mean something to us (https://sqlite.org/rescode.html). */
export const sqlite = {
  error: 1,
  busy: 5,
  outOfMemory: 7,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  notADatabase: 26,
};

/** The primary result code of an error thrown by node:sqlite, undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return Number(error.errcode) & 0xff;
}

/** How long a connection waits for another's lock, in milliseconds. */
export const busyMs = 5000;

/** WAL frames after which a checkpoint runs between two commits: 16 MiB of 4 KiB pages. */
export const checkpointFrames = 4000;

/** The one writable connection of the process. `check` looks at the file before anything is written to it. */
export function openWriter(path: string, check: (db: DatabaseSync) => void): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    check(db);
    // Checkpoints are run and looked at by checkpoint.ts, never by SQLite itself: a failed one would say nothing.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA fullfsync = ON;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cache_size = -65536;
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The search index: made of the log and beside it, so a crash may cost its last rows but not its consistency. */
export function openSearch(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA cache_size = -32768;
      PRAGMA trusted_schema = OFF;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A connection for reads: each sees every commit that was acknowledged before it began. */
export function openReader(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: busyMs });
  db.exec('PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;');
  return db;
}
