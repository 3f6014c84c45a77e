import type { DatabaseSync } from 'node:sqlite';
import { implementationOf, streamOf } from '../ops.ts';
import type { StoreAnswer } from '../store.ts';
import type { Context } from '../tx.ts';
import { toAnswer, type Surroundings } from './batch.ts';
import { toHoldfastError } from './errors.ts';
import { Keyring } from '../keys/keyring.ts';
import type { RootKeyFile } from '../keys/root-key.ts';
import type { SqliteTx } from './transaction.ts';

/** A read as it may cross to the reader thread: only what JSON text of a call holds. */
export interface ReadCall {
  op: string;
  app: string;
  input: unknown;
}

const tokenOf = () => {
  throw new Error('a read grants nothing');
};

/**
 * Reads over one connection. Invariant: one operation, or one step of a stream, has one snapshot, and none is open
 * between them; so they take turns, and a turn waits for nothing but memory and disk.
 */
export class Reads {
  readonly #db: DatabaseSync;
  readonly #tx: SqliteTx;
  readonly #epoch: string;
  readonly #rootKey: RootKeyFile;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: DatabaseSync, tx: SqliteTx, { epoch, rootKey }: Surroundings) {
    this.#db = db;
    this.#tx = tx;
    this.#epoch = epoch;
    this.#rootKey = rootKey;
  }

  answer({ op, app, input }: ReadCall): Promise<StoreAnswer> {
    return this.snapshot(async (tx) => {
      const context = this.#context(op, app);
      return toAnswer(await implementationOf(op)(tx, input, context), context);
    });
  }

  /** The steps of a stream: each is a snapshot of its own. */
  async *stream({ op, app, input }: ReadCall): AsyncGenerator<string, void> {
    const steps = streamOf(op)(this.#tx, input, this.#context(op, app));
    for (;;) {
      const step = await this.snapshot(() => steps.next());
      if (step.done) return;
      yield step.value;
    }
  }

  snapshot<T>(work: (tx: SqliteTx) => Promise<T>): Promise<T> {
    const run = async () => {
      try {
        this.#db.exec('BEGIN');
        return await work(this.#tx);
      } catch (error) {
        throw toHoldfastError(error);
      } finally {
        // Nothing was written. After damage was met, a COMMIT would throw SQLite's own error instead of ours.
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      }
    };
    const turn = this.#turn.then(run, run);
    this.#turn = turn;
    return turn;
  }

  #context(op: string, app: string): Context {
    const keys = new Keyring(this.#rootKey);
    const caller = { client: null, pid: null, waitedMs: null };
    return { app, op, at: Date.now(), epoch: this.#epoch, tokenOf, ...caller, keys, status: 0 };
  }

  /** Resolves when no read is under way. */
  async idle(): Promise<void> {
    await this.#turn.catch(() => undefined);
  }
}
