import { statSync } from 'node:fs';

type Id = { dev: number; ino: number } | undefined;
const idOf = (path: string): Id => statSync(path, { throwIfNoEntry: false });
const same = (a: Id, b: Id) => a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;

/**
 * Invariant: nothing is acknowledged unless the paths of the database and its WAL still name the files we opened.
 * A removed file goes on taking our writes, and they vanish with the process.
 */
export class FileIdentity {
  readonly #database: Id;
  readonly #wal: Id;

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#database = idOf(path);
    this.#wal = idOf(`${path}-wal`);
  }

  /** Whether both are of one database file. */
  sameDatabase(other: FileIdentity): boolean {
    return same(this.#database, other.#database);
  }

  /** The path that is no longer ours, undefined when all is well. */
  lost(): string | undefined {
    if (!same(this.#database, idOf(this.#path))) return this.#path;
    if (!same(this.#wal, idOf(`${this.#path}-wal`))) return `${this.#path}-wal`;
    return undefined;
  }
}
