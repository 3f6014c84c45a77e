import type { DatabaseSync } from 'node:sqlite';
import { checkpointFrames } from './connection.ts';

/** How long the writer is idle before it empties the WAL, in milliseconds. */
const idleMs = 1000;

/**
 * Checkpoints, run and looked at by us: a failed automatic one says nothing. Between commits when the WAL is long;
 * when the writer is idle, so that a lone caller seldom waits for one.
 */
export class Checkpointer {
  readonly #db: DatabaseSync;
  readonly #timer: NodeJS.Timeout;
  /** Why the last checkpoint failed; undefined when it did not. */
  failure: string | undefined;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#timer = setTimeout(() => this.#run('TRUNCATE'), idleMs).unref();
  }

  afterCommit(): void {
    this.#timer.refresh();
    const { log } = this.#db.prepare('PRAGMA wal_checkpoint(NOOP)').get() as { log: number };
    if (log >= checkpointFrames) this.#run('PASSIVE');
  }

  /** Stops the timer and empties the WAL, as a clean stop should leave it. */
  finish(): void {
    this.stop();
    this.#run('TRUNCATE');
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #run(mode: 'PASSIVE' | 'TRUNCATE'): void {
    try {
      this.#db.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
      this.failure = undefined;
    } catch (error) {
      this.failure = String(error);
    }
  }
}
