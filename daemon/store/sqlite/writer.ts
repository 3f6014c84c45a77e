import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../../shared/errors.ts';
import { ExitError } from '../../exit.ts';
import type { StoreAnswer } from '../store.ts';
import type { FromWorker, ToWorker, WireOutcome } from './writer-worker.ts';

/** Writes waiting for an answer, and characters of their input, beyond which new ones are refused. */
const maxWaiting = 10_000;
const maxCharacters = 64 * 1024 * 1024;

interface Waiting {
  since: number;
  characters: number;
  resolve: (answer: StoreAnswer) => void;
  reject: (error: Error) => void;
}
interface Ready {
  epoch: string;
  schemaVersion: number;
}

/** The main thread's half of the writer: posts each call at once and hands out the outcomes. */
export class Writer {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready = Promise.withResolvers<Ready>();
  readonly #failed = Promise.withResolvers<ExitError>();
  readonly #closed = Promise.withResolvers<void>();
  #idle: (() => void) | undefined;
  #next = 0;
  #characters = 0;
  #over: HoldfastError | undefined;
  lastCommitAt: number | undefined;
  checkpointFailure: string | undefined;

  constructor(path: string) {
    // The bundle keeps both files side by side under the same names.
    const file = import.meta.url.endsWith('.ts') ? './writer-worker.ts' : './writer-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: { path }, name: 'writer' });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end(new ExitError(69, `The writer thread died: ${String(error)}`)));
    this.#worker.on('exit', () => this.#end(new ExitError(69, 'The writer thread ended.')));
  }

  /** Resolves when the database is open and migrated; rejects with the reason it cannot be. */
  ready(): Promise<Ready> {
    return Promise.race([this.#ready.promise, this.#failed.promise.then((error) => Promise.reject(error))]);
  }

  get failed(): Promise<ExitError> {
    return this.#failed.promise;
  }
  get depth(): number {
    return this.#waiting.size;
  }
  /** Age of the oldest unanswered write in milliseconds, 0 when there is none. */
  get oldestMs(): number {
    const [oldest] = this.#waiting.values();
    return oldest ? Math.round(performance.now() - oldest.since) : 0;
  }

  execute(call: { input: string } & Omit<Extract<ToWorker, object>, 'id'>): Promise<StoreAnswer> {
    if (this.#over) return Promise.reject(this.#over);
    const characters = call.input.length;
    if (this.#waiting.size >= maxWaiting || this.#characters + characters > maxCharacters) {
      const detail = `${this.#waiting.size} writes are waiting already: send fewer at once.`;
      return Promise.reject(new HoldfastError('busy', detail, { retryAfter: 1 }));
    }
    const id = ++this.#next;
    const { promise, resolve, reject } = Promise.withResolvers<StoreAnswer>();
    this.#waiting.set(id, { since: performance.now(), characters, resolve, reject });
    this.#characters += characters;
    this.#worker.postMessage({ ...call, id } satisfies ToWorker);
    return promise;
  }

  /** Waits until every accepted write is answered, then lets the thread empty the WAL and end. */
  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    if (!this.#over || this.#over.code === 'store_replaced') {
      this.#worker.postMessage('close' satisfies ToWorker);
      await this.#closed.promise;
    }
    await this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    if ('ready' in message) this.#ready.resolve(message.ready);
    else if ('checkpointFailure' in message) this.checkpointFailure = message.checkpointFailure;
    else if ('closed' in message) this.#closed.resolve();
    else if ('fatal' in message) {
      const detail = 'The store stopped taking writes; the daemon is ending.';
      this.#over = new HoldfastError('store_replaced', detail);
      this.#failed.resolve(new ExitError(message.fatal.exitCode, message.fatal.message));
    } else {
      this.lastCommitAt = message.committedAt ?? this.lastCommitAt;
      for (const outcome of message.outcomes) this.#settle(outcome);
    }
  }

  #settle(outcome: WireOutcome): void {
    const waiting = this.#waiting.get(outcome.id);
    if (!waiting) return;
    this.#waiting.delete(outcome.id);
    this.#characters -= waiting.characters;
    if ('answer' in outcome) waiting.resolve(outcome.answer);
    else {
      const { code, detail, details, cause } = outcome.error;
      waiting.reject(new HoldfastError(code, detail, details, { cause }));
    }
    if (this.#waiting.size === 0) this.#idle?.();
  }

  /** The thread is gone: what waits for it may or may not be stored. */
  #end(error: ExitError): void {
    this.#closed.resolve();
    this.#over ??= new HoldfastError(
      'storage_failed',
      'The writer ended; the write may be stored: retry with the same key.',
    );
    for (const { reject } of this.#waiting.values()) reject(this.#over);
    this.#waiting.clear();
    this.#idle?.();
    this.#failed.resolve(error);
  }
}
