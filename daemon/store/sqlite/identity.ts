import { chmodSync, statSync } from 'node:fs';

type Id = { dev: number; ino: number } | undefined;
const statOf = (path: string) => statSync(path, { throwIfNoEntry: false });
const same = (a: Id, b: Id) => a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;

/**
 * Invariant: nothing is acknowledged unless the paths of the database and its WAL still name the files we opened.
 * A removed file goes on taking our writes, and they vanish with the process. A database that a copy was written over, in place,
 * is told by its size, which only checkpoints change, and those are ours; a copy of the very same size is not told. Its times
 * would tell too much: who touches it does no harm.
 */
export class FileIdentity {
  readonly #database: Id;
  readonly #wal: Id;
  /** Of the database, in bytes; undefined while it is not known. */
  #size: number | undefined;

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    const database = statOf(path);
    this.#database = database;
    this.#size = database?.size;
    this.#wal = statOf(`${path}-wal`);
  }

  /**
   * Runs a checkpoint of ours, and whatever becomes of it, the size afterwards is ours; throws what `lose` makes of the path
   * where it would write to another database. One without its WAL is ours: it takes what our open copy of that holds.
   */
  writing<T>(checkpoint: () => T, lose: (path: string) => Error): T {
    if (this.lost() === this.#path) throw lose(this.#path);
    this.#size = undefined;
    try {
      return checkpoint();
    } finally {
      this.#size = statOf(this.#path)?.size;
    }
  }

  /** Whether both are of one database file. */
  sameDatabase(other: FileIdentity): boolean {
    return same(this.#database, other.#database);
  }

  /** The path that is no longer ours, undefined when all is well. */
  lost(): string | undefined {
    const database = statOf(this.#path);
    if (!same(this.#database, database)) return this.#path;
    if (this.#size !== undefined && this.#size !== database?.size) return this.#path;
    if (!same(this.#wal, statOf(`${this.#path}-wal`))) return `${this.#path}-wal`;
    return undefined;
  }
}

/** When a file was made, in nanoseconds since 1970: a rename keeps it, a copy has its own. Undefined where that is not known. */
export function bornAt(path: string): string | undefined {
  const born = birthIn(statSync(path, { bigint: true }));
  if (born !== undefined) return born;
  // A small copy is made within one tick of the clock: a change that changes nothing moves its last change away from its birth.
  try {
    chmodSync(path, statSync(path).mode & 0o7777);
  } catch {
    // A mount that takes no modes: then it stays unknown.
  }
  return birthIn(statSync(path, { bigint: true }));
}

/** Where the system does not know it, Node answers 0, or the time of the last change. */
export const birthIn = ({ birthtimeNs, ctimeNs }: { birthtimeNs: bigint; ctimeNs: bigint }): string | undefined =>
  birthtimeNs === 0n || birthtimeNs === ctimeNs ? undefined : String(birthtimeNs);
