import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Store, StoreAnswer, StoreCall, StoreHealth } from '../store.ts';
import { Cleaner } from './cleaner.ts';
import { openReader } from './connection.ts';
import { Reader } from './reader.ts';
import { Reads } from './reads.ts';
import { SqliteTx } from './transaction.ts';
import { Writer } from './writer.ts';

/** Age of the oldest unanswered write, in milliseconds, at which health warns. */
const stalledMs = 5_000;
/** Reads that look at every session of an application, and how many make that too long for the main thread. */
const scans = new Set(['sessions.list', 'sessions.resumable']);
const manySessions = 2000;
/** Free bytes below which health warns: the WAL may need this much. */
const lowDiskBytes = 100 * 1024 * 1024;

/** Opens the database, bringing its schema up to this code; throws an ExitError that says what to do otherwise. */
export async function openStore(path: string): Promise<Store> {
  const writer = new Writer(path);
  const { epoch, schemaVersion } = await writer.ready();
  try {
    return new SqliteStore(path, writer, openReader(path), { epoch, schemaVersion });
  } catch (error) {
    // Before the locks are given up.
    await writer.close();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly engine = `SQLite ${process.versions['sqlite']}`;
  /** Point reads, on this thread; what takes long goes to the reader's. */
  readonly #reads: Reads;
  readonly #longReads: Reader;

  readonly schemaVersion: number;
  readonly #path: string;
  readonly #writer: Writer;
  readonly #reader: DatabaseSync;
  readonly #cleaner: Cleaner;

  constructor(path: string, writer: Writer, reader: DatabaseSync, about: { epoch: string; schemaVersion: number }) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.schemaVersion = about.schemaVersion;
    this.#reads = new Reads(reader, new SqliteTx(reader), about.epoch);
    this.#longReads = new Reader({ path, searchPath: join(dirname(path), 'search.db'), epoch: about.epoch });
    this.#cleaner = new Cleaner(writer);
  }

  get failed() {
    return this.#writer.failed;
  }

  async call(call: StoreCall): Promise<StoreAnswer> {
    const { operation, name: op, app, input, requestId, client, pid, key } = call;
    const answer =
      operation.kind === 'write'
        ? await this.#writer.execute({ op, app, input: JSON.stringify(input), requestId, client, pid, key })
        : await ((await this.#takesLong(op, app)) ? this.#longReads : this.#reads).answer({ op, app, input });
    if (operation.kind === 'write') this.#written(op);
    return { ...answer, status: answer.status || (operation.statuses?.at(-1) ?? 200) };
  }

  stream({ name: op, app, input }: StoreCall): AsyncGenerator<Uint8Array, void> {
    return this.#longReads.stream({ op, app, input });
  }

  async #takesLong(op: string, app: string): Promise<boolean> {
    if (op.startsWith('search.')) return true;
    if (!scans.has(op)) return false;
    const count = 'SELECT count(*) FROM (SELECT 1 FROM session WHERE app = ? AND deleted_at IS NULL LIMIT ?)';
    const rows = await this.#reads.snapshot((tx) => tx.query(count, app, manySessions));
    return Number(rows[0]?.[0]) === manySessions;
  }

  #written(op: string): void {
    this.#longReads.changed();
    if (op === 'sessions.delete') void this.#cleaner.run();
  }

  async health(): Promise<StoreHealth> {
    const [wal, space] = await Promise.all([
      stat(`${this.#path}-wal`).catch(() => undefined),
      statfs(dirname(this.#path)).catch(() => undefined),
    ]);
    const readable = this.#isReadable();
    const freeBytes = space ? space.bavail * space.bsize : 0;
    const oldestUnansweredMs = this.#writer.oldestMs;
    const reasons = [
      oldestUnansweredMs > stalledMs && 'writer_stalled',
      this.#writer.checkpointFailure !== undefined && 'checkpoint_failed',
      freeBytes < lowDiskBytes && 'disk_low',
      !readable && 'storage_unreadable',
      this.#cleaner.failed && 'clean_failed',
      this.#longReads.failure !== undefined && 'search_failed',
    ].filter((reason) => reason !== false);
    return {
      queueDepth: this.#writer.depth,
      oldestUnansweredMs,
      lastCommitAt: this.#writer.lastCommitAt,
      walBytes: wal?.size ?? 0,
      freeBytes,
      reasons,
    };
  }

  /** A real read: a database that cannot be read must not look healthy. */
  #isReadable(): boolean {
    try {
      this.#reader.prepare('SELECT value FROM meta').all();
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    this.#cleaner.stop();
    await this.#longReads.close();
    await this.#reads.idle();
    this.#reader.close();
    await this.#writer.close();
  }
}
