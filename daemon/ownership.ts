import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { user, type Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';
import { sqlite, sqliteCode } from './store/sqlite/connection.ts';

// Invariant: at most one process has the database open for writing, whatever lock, socket or pid file is deleted,
// copied or stale. Two kernel locks, because each covers the other's gap:
//   1. EXCLUSIVE on owner.lock, held for the process's life. The kernel frees it on any death.
//   2. an EXCLUSIVE probe of the database, which any open connection of another process refuses. It catches an
//      owner whose owner.lock was deleted.
// Two starters with different owner.lock files can both pass 2 before either opens the database. So after opening,
// `stillOurs` must hold: whoever's file was replaced gives up, and whoever came later met 2.
//
// These are POSIX locks: closing any descriptor of such a file drops them all. Nothing here or elsewhere in the
// process opens, copies or hashes owner.lock, the database, its -wal or -shm with node:fs.

/** Held for the process's life: a collected handle would drop the lock without a word. */
const held: DatabaseSync[] = [];

export interface Ownership {
  /** Whether the path of owner.lock still names the file we hold. */
  stillOurs(): boolean;
  release(): void;
}

/** Becomes the owner of the data directory; ExitError 75 when another process is. */
export function own(paths: Paths): Ownership {
  const { lock, inode } = lockFile(paths);
  held.push(lock);
  try {
    probe(paths);
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    stillOurs: () => inodeOf(paths.ownerLock) === inode,
    release: () => lock.close(),
  };
}

const inodeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.ino;

/** Starters that meet can each make the other fail for an instant, in milliseconds: long enough for one to win. */
const busyMs = 400;

/** Lock 1. Taken again until the path names, before and after, the one file that is locked. */
function lockFile(paths: Paths): { lock: DatabaseSync; inode: number } {
  for (let attempt = 0; attempt < 100; attempt++) {
    const before = inodeOf(paths.ownerLock);
    const lock = exclusively(paths, paths.ownerLock, 'BEGIN EXCLUSIVE');
    if (before !== undefined && before === inodeOf(paths.ownerLock)) return { lock, inode: before };
    lock.close();
  }
  throw new ExitError(78, `${paths.ownerLock} keeps being replaced. Find what deletes it, then start again.`);
}

/** Lock 2. */
function probe(paths: Paths): void {
  // Opening would make it.
  if (inodeOf(paths.database) === undefined) return;
  exclusively(paths, paths.database, 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; ROLLBACK').close();
}

function exclusively(paths: Paths, path: string, sql: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: busyMs });
    db.exec(sql);
    return db;
  } catch (error) {
    if (db?.isOpen) db.close();
    throw explain(paths, path, error);
  }
}

function explain(paths: Paths, path: string, error: unknown): ExitError {
  const code = sqliteCode(error);
  const options = { cause: error };
  if (code === sqlite.busy) {
    const what = `Another holdfast owns ${paths.data}${ownerOf(paths)}`;
    return new ExitError(75, `${what}. 'holdfast status' says how it is, 'holdfast stop' ends it.`, options);
  }
  if (code === sqlite.notADatabase || code === sqlite.corrupt) {
    const advice = path === paths.ownerLock ? 'Delete it' : 'Restore a copy or move it away';
    return new ExitError(78, `${path} is not what holdfast wrote there. ${advice}, then start again.`, options);
  }
  const fault = faultOf(paths, path);
  if (fault !== undefined) return new ExitError(78, fault, options);
  return new ExitError(
    69,
    `${path} cannot be locked: ${error instanceof Error ? error.message : String(error)}`,
    options,
  );
}

/** What only a person can mend, and how: SQLite's own words for it are "unable to open", "readonly", even "disk I/O error". */
function faultOf({ data }: Paths, path: string): string | undefined {
  const { uid } = user();
  for (const name of [data, path, `${path}-wal`, `${path}-shm`]) {
    const owner = statSync(name, { throwIfNoEntry: false })?.uid;
    if (owner === undefined) continue;
    if (owner !== uid) return `${name} belongs to user ${owner}. Give it to yours: sudo chown ${uid} '${name}'`;
    try {
      // Opens nothing.
      accessSync(name, constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const advice = code === 'EROFS' ? 'Mount its file system for writing' : `Open it: chmod u+rwX '${name}'`;
      return `${name} cannot be written: ${message}. ${advice}`;
    }
  }
  return undefined;
}

/** Who the owner says it is; a hint, for its file may be old. */
function ownerOf(paths: Paths): string {
  try {
    const { pid, version } = JSON.parse(readFileSync(paths.daemonFile, 'utf8')) as { pid: number; version: string };
    return ` (pid ${pid}, version ${version})`;
  } catch {
    return '';
  }
}
