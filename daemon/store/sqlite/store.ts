import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { implementationOf } from '../ops.ts';
import type { Store, StoreAnswer, StoreCall, StoreHealth } from '../store.ts';
import type { Context } from '../tx.ts';
import { toAnswer } from './batch.ts';
import { openReader } from './connection.ts';
import { toHoldfastError } from './errors.ts';
import { SqliteTx } from './transaction.ts';
import { Writer } from './writer.ts';

/** Age of the oldest unanswered write, in milliseconds, at which health warns. */
const stalledMs = 5_000;
/** How often the log is pruned, in milliseconds. */
const pruneEveryMs = 3_600_000;
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
  readonly #tx: SqliteTx;
  /** Reads share one connection and a snapshot each, so they take turns; a turn waits for nothing but memory and disk. */
  #turn: Promise<unknown> = Promise.resolve();

  readonly schemaVersion: number;
  readonly #epoch: string;
  readonly #path: string;
  readonly #writer: Writer;
  readonly #reader: DatabaseSync;
  readonly #pruning: NodeJS.Timeout;
  #pruneFailed = false;

  constructor(path: string, writer: Writer, reader: DatabaseSync, about: { epoch: string; schemaVersion: number }) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.#epoch = about.epoch;
    this.schemaVersion = about.schemaVersion;
    this.#tx = new SqliteTx(reader);
    this.#pruning = setInterval(() => void this.#prune(), pruneEveryMs).unref();
    void this.#prune();
  }

  get failed() {
    return this.#writer.failed;
  }

  async call(call: StoreCall): Promise<StoreAnswer> {
    const { operation, name: op, app, input, requestId, client, pid, key } = call;
    const answer =
      operation.kind === 'write'
        ? await this.#writer.execute({ op, app, input: JSON.stringify(input), requestId, client, pid, key })
        : await this.#read(call);
    return { ...answer, status: answer.status || (operation.statuses?.at(-1) ?? 200) };
  }

  #read({ name, app, input }: StoreCall): Promise<StoreAnswer> {
    const run = async () => {
      const context: Context = { app, op: name, at: Date.now(), epoch: this.#epoch, status: 0 };
      try {
        this.#reader.exec('BEGIN');
        return toAnswer(await implementationOf(name)(this.#tx, input, context), context);
      } catch (error) {
        throw toHoldfastError(error);
      } finally {
        if (this.#reader.isTransaction) this.#reader.exec('COMMIT');
      }
    };
    const turn = this.#turn.then(run, run);
    this.#turn = turn;
    return turn;
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
      this.#pruneFailed && 'prune_failed',
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

  async #prune(): Promise<void> {
    const call = { op: 'log.prune', app: '', input: '{}', requestId: 'prune', client: null, pid: null, key: null };
    try {
      while ((JSON.parse((await this.#writer.execute(call)).text) as { more: boolean }).more);
      this.#pruneFailed = false;
    } catch {
      this.#pruneFailed = true;
    }
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
    clearInterval(this.#pruning);
    await this.#turn.catch(() => undefined);
    this.#reader.close();
    await this.#writer.close();
  }
}
