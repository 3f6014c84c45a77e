import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { lowDiskBytes } from '../../../shared/protocol.ts';
import { findRoot } from '../keys/keyring.ts';
import type { RootKeyFile } from '../keys/root-key.ts';
import type { Observer, Store, StoreAnswer, StoreCall, StoreFigures, StoreHealth } from '../store.ts';
import { Cleaner } from './cleaner.ts';
import { openReader } from './connection.ts';
import { Figures } from './figures.ts';
import { Reader } from './reader.ts';
import { Reads } from './reads.ts';
import { takesLong } from './scans.ts';
import { SqliteTx } from './transaction.ts';
import { Writer } from './writer.ts';

/** Age of the oldest unanswered write, in milliseconds, at which health warns. */
const stalledMs = 5_000;

/** Opens the database, bringing its schema up to this code; throws an ExitError that says what to do otherwise. */
export async function openStore(path: string, rootKey: RootKeyFile, observer: Observer): Promise<Store> {
  const writer = new Writer(path, rootKey.source, observer);
  const { epoch, schemaVersion } = await writer.ready();
  try {
    return new SqliteStore(path, writer, openReader(path), { epoch, schemaVersion, rootKey, observer });
  } catch (error) {
    // Before the locks are given up.
    await writer.close();
    throw error;
  }
}

interface About {
  epoch: string;
  schemaVersion: number;
  rootKey: RootKeyFile;
  observer: Observer;
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
  readonly #rootKey: RootKeyFile;
  readonly #figures: Figures;

  constructor(path: string, writer: Writer, reader: DatabaseSync, about: About) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.schemaVersion = about.schemaVersion;
    this.#rootKey = about.rootKey;
    const { observer } = about;
    this.#reads = new Reads(reader, new SqliteTx(reader, (rows) => observer.damaged('main', rows)), about);
    const searchPath = join(dirname(path), 'search.db');
    this.#longReads = new Reader({ path, searchPath, epoch: about.epoch, keys: about.rootKey.source }, observer);
    this.#figures = new Figures(path, this.#reads, this.#longReads);
    this.#cleaner = new Cleaner(writer);
  }

  get failed() {
    return this.#writer.failed;
  }

  async call(call: StoreCall): Promise<StoreAnswer> {
    const { operation } = call;
    const answer = await (operation.kind === 'write' ? this.#write(call) : this.#read(call));
    return { ...answer, status: answer.status || (operation.statuses?.at(-1) ?? 200) };
  }

  /** `ops`: what the call does, which is more than one thing if it is a batch. */
  async #write({ operation, name: op, app, input, signal, ...caller }: StoreCall, ops = [op]): Promise<StoreAnswer> {
    const { requestId, client, pid, key, secretInput, ordered = false } = caller;
    const call = { op, app, input: JSON.stringify(input), requestId, client, pid, key, secretInput, ordered };
    const { secret: secretAnswer = false, wait: mayWait = false } = operation;
    const answer = await this.#writer.execute({ ...call, secretAnswer, mayWait, signal });
    this.#longReads.changed();
    if (ops.includes('sessions.delete')) void this.#cleaner.run();
    return answer;
  }

  async atomic(batch: StoreCall, calls: StoreCall[]): Promise<StoreAnswer> {
    // The key that digests a request with secrets is that of the application they belong to.
    const { app } = calls.find(({ secretInput }) => secretInput) ?? calls[0] ?? batch;
    const steps = calls.map(({ name, operation, app: of, input }) => ({
      op: name,
      app: of,
      input,
      status: operation.statuses?.at(-1) ?? 200,
    }));
    const ops = steps.map(({ op }) => op);
    const answer = await this.#write({ ...batch, app, input: { calls: steps } }, ops);
    return { ...answer, status: 200 };
  }

  async #read({ name: op, app, input }: StoreCall): Promise<StoreAnswer> {
    return ((await takesLong(this.#reads, op, app)) ? this.#longReads : this.#reads).answer({ op, app, input });
  }

  async own(kind: 'read' | 'write', op: string, input: object): Promise<unknown> {
    if (kind === 'write') return this.#writer.own(op, input, 'daemon');
    return JSON.parse((await this.#reads.answer({ op, app: '', input })).text);
  }

  onCommit(listener: () => void): () => void {
    return this.#writer.onCommit(listener);
  }

  stream({ name: op, app, input }: StoreCall): AsyncGenerator<Uint8Array, void> {
    return this.#longReads.stream({ op, app, input });
  }

  async health(): Promise<StoreHealth> {
    const [wal, space] = await Promise.all([
      stat(`${this.#path}-wal`).catch(() => undefined),
      statfs(dirname(this.#path)).catch(() => undefined),
    ]);
    const meta = this.#readMeta();
    const freeBytes = space ? space.bavail * space.bsize : 0;
    const oldestUnansweredMs = this.#writer.oldestMs;
    const reasons = [
      oldestUnansweredMs > stalledMs && 'writer_stalled',
      this.#writer.checkpointFailure !== undefined && 'checkpoint_failed',
      freeBytes < lowDiskBytes && 'disk_low',
      !meta && 'storage_unreadable',
      meta && this.#keyFault(meta.get('root_key')),
      this.#cleaner.failed && 'clean_failed',
      this.#longReads.failure !== undefined && 'search_failed',
      ...(await this.#reasonsOfKinds()),
    ].filter((reason) => typeof reason === 'string');
    return {
      queueDepth: this.#writer.depth,
      oldestUnansweredMs,
      lastCommitAt: this.#writer.lastCommitAt,
      walBytes: wal?.size ?? 0,
      freeBytes,
      reasons,
    };
  }

  /** None also when they cannot be read: then health has another reason. */
  #reasonsOfKinds(): Promise<string[]> {
    return (this.own('read', 'health.reasons', {}) as Promise<string[]>).catch(() => []);
  }

  figures(): Promise<StoreFigures> {
    return this.#figures.get();
  }

  /** A real read, of the file and not of what SQLite kept of it: a database that cannot be read must not look healthy. */
  #readMeta(): Map<string, string> | undefined {
    try {
      this.#reader.exec('PRAGMA shrink_memory');
      const rows = this.#reader.prepare('SELECT name, value FROM meta').all();
      return new Map(rows.map(({ name, value }) => [String(name), String(value)]));
    } catch {
      return undefined;
    }
  }

  /** What is wrong with the root key; one that nothing needs yet may be missing. */
  #keyFault(needed: string | undefined): string | undefined {
    const found = findRoot(this.#rootKey, needed);
    if (!('fault' in found)) return undefined;
    return found.fault === 'key_missing' && needed === undefined ? undefined : found.fault;
  }

  async close(): Promise<void> {
    this.#cleaner.stop();
    await this.#longReads.close();
    await this.#reads.idle();
    this.#reader.close();
    await this.#writer.close();
  }
}
