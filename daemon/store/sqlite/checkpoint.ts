import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../../shared/errors.ts';
import { busyMs, checkpointFrames } from './connection.ts';

/** How long the writer is idle before it empties the WAL, in milliseconds. */
const idleMs = 1000;

interface Checkpoint {
  busy: number;
  log: number;
}
/** Runs a checkpoint that may write to the database, or throws where none must. */
type Around = (checkpoint: () => Checkpoint) => Checkpoint;

/**
 * Checkpoints, run and looked at by us: a failed automatic one says nothing. Between commits when the WAL is long;
 * when the writer is idle, so that a lone caller seldom waits for one.
 */
export class Checkpointer {
  readonly #db: DatabaseSync;
  readonly #timer: NodeJS.Timeout;
  readonly #report: (failure: string | undefined) => void;
  readonly #around: Around;
  #failure: string | undefined;

  /** `report` is told why a checkpoint failed, and with undefined that they succeed again. */
  constructor(db: DatabaseSync, report: (failure: string | undefined) => void, around: Around = (run) => run()) {
    this.#db = db;
    this.#report = report;
    this.#around = around;
    this.#timer = setTimeout(() => this.#whenIdle(), idleMs).unref();
    // What an earlier connection reported is over.
    report(undefined);
  }

  afterCommit(): void {
    this.#timer.refresh();
    this.#attempt(() => {
      if (this.#checkpoint('NOOP').log >= checkpointFrames) this.#checkpoint('PASSIVE');
    });
  }

  /**
   * Moves all of the WAL into the database, with an fsync of both that succeeds; throws otherwise. Copied pages are
   * written anew, so it helps also where a failed fsync made the kernel forget what was dirty.
   */
  settle(): void {
    if (this.#checkpoint('TRUNCATE').busy === 0) return;
    throw new HoldfastError('storage_failed', 'The database is in use elsewhere: retry with the same key.');
  }

  /** Stops the timer and empties the WAL, as a clean stop should leave it. */
  finish(): void {
    this.stop();
    this.#attempt(() => this.#checkpoint('TRUNCATE'));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #whenIdle(): void {
    let busy = 0;
    this.#attempt(() => {
      // It would wait for a read that takes long, and whoever writes meanwhile with it.
      this.#db.exec('PRAGMA busy_timeout = 0');
      try {
        ({ busy } = this.#checkpoint('TRUNCATE'));
      } finally {
        this.#db.exec(`PRAGMA busy_timeout = ${busyMs}`);
      }
    });
    // While nothing is written nobody else would try again.
    if (busy === 1 || this.#failure !== undefined) this.#timer.refresh();
  }

  #checkpoint(mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE'): Checkpoint {
    const run = () => this.#db.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as unknown as Checkpoint;
    return mode === 'NOOP' ? run() : this.#around(run);
  }

  #attempt(work: () => unknown): void {
    try {
      work();
      this.#became(undefined);
    } catch (error) {
      this.#became(String(error));
    }
  }

  #became(failure: string | undefined): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#report(failure);
  }
}
