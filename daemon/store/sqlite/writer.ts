import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../../shared/errors.ts';
import { ExitError } from '../../exit.ts';
import { redact } from '../../redact.ts';
import type { KeySource } from '../keys/root-key.ts';
import type { Observer, StoreAnswer } from '../store.ts';
import { Parking } from '../wait.ts';
import type { Call } from './batch.ts';
import type { FromWorker, ToWorker, WireOutcome, WriterData } from './writer-messages.ts';

/** Writes waiting for an answer, and characters of their input, beyond which new ones are refused. */
const maxWaiting = 10_000;
const maxCharacters = 64 * 1024 * 1024;

/** A write as the main thread gives it. */
export type Write = Omit<Call, 'id' | 'waitedMs'> & {
  /** The call may wait until something changes, and is given up when `signal` is aborted while it does. */
  mayWait: boolean;
  signal: AbortSignal | undefined;
};

interface Waiting {
  op: string;
  /** When it was posted, and when its caller made it: a call that waits is posted more than once. */
  since: number;
  began: number;
  characters: number;
  /** What to post again, of a call that may wait. */
  again: Write | undefined;
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
  readonly #parking = new Parking();
  readonly #listeners = new Set<() => void>();
  readonly #observer: Observer;
  #idle: (() => void) | undefined;
  #next = 0;
  #characters = 0;
  /** The request whose call was refused last. */
  #refused: string | undefined;
  #over: HoldfastError | undefined;
  lastCommitAt: number | undefined;
  checkpointFailure: string | undefined;

  constructor(path: string, keys: KeySource, observer: Observer) {
    this.#observer = observer;
    // The bundle keeps both files side by side under the same names.
    const file = import.meta.url.endsWith('.ts') ? './writer-worker.ts' : './writer-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path, keys } satisfies WriterData,
      name: 'writer',
    });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    // Redacted at once: by the time it is told, the requests that it may quote have been answered.
    this.#worker.on('error', (error) =>
      this.#end(new ExitError(69, redact(`The writer thread died: ${String(error)}`))),
    );
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

  /** Calls `listener` after each commit that changed something; answers how to end that. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  execute(write: Write): Promise<StoreAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<StoreAnswer>();
    this.#post(write, performance.now(), resolve, reject);
    return promise;
  }

  /** A write of the daemon itself, made by no client. */
  async own(op: string, input: object, requestId: string): Promise<unknown> {
    const caller = { client: null, pid: null, key: null, secretInput: false, secretAnswer: false, ordered: false };
    const call = { op, app: '', input: JSON.stringify(input), requestId, ...caller };
    return JSON.parse((await this.execute({ ...call, mayWait: false, signal: undefined })).text);
  }

  #post(write: Write, began: number, resolve: Waiting['resolve'], reject: Waiting['reject']): void {
    if (this.#over) return reject(this.#over);
    const { mayWait, signal: _, ...call } = write;
    const characters = call.input.length;
    const full = this.#waiting.size >= maxWaiting || this.#characters + characters > maxCharacters;
    // A smaller one must not overtake those before it.
    if (full || (call.ordered && call.requestId === this.#refused)) {
      this.#refused = call.requestId;
      const detail = `${this.#waiting.size} writes are waiting already: send fewer at once.`;
      this.#observer.wrote(write.op, 'busy', 0);
      return reject(new HoldfastError('busy', detail, { retryAfter: 1 }));
    }
    const id = ++this.#next;
    const since = performance.now();
    const again = mayWait ? write : undefined;
    this.#waiting.set(id, { op: write.op, since, began, characters, again, resolve, reject });
    this.#characters += characters;
    const waitedMs = mayWait ? Math.round(since - began) : null;
    this.#worker.postMessage({ ...call, id, waitedMs } satisfies ToWorker);
  }

  /** Waits until every accepted write is answered, then lets the thread empty the WAL and end; rejects when it could not. */
  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    if (!this.#over || this.#over.code === 'store_replaced') {
      this.#worker.postMessage('close' satisfies ToWorker);
      await this.#closed.promise;
    }
    await this.#worker.terminate();
    if (this.checkpointFailure === undefined) return;
    const what = `The write-ahead log could not be emptied: ${this.checkpointFailure}`;
    throw new ExitError(69, `${what}. Nothing that was acknowledged is lost: the next start does it.`);
  }

  #receive(message: FromWorker): void {
    if ('ready' in message) this.#ready.resolve(message.ready);
    else if ('checkpointFailure' in message) this.checkpointFailure = message.checkpointFailure;
    else if ('damaged' in message) this.#observer.damaged('writer', message.damaged);
    else if ('recovered' in message) this.#observer.recovered(message.recovered);
    else if ('closed' in message) this.#closed.resolve();
    else if ('fatal' in message) {
      const detail = 'The store stopped taking writes; the daemon is ending.';
      this.#over = new HoldfastError('store_replaced', detail);
      this.#failed.resolve(new ExitError(message.fatal.exitCode, message.fatal.message));
    } else {
      this.lastCommitAt = message.committedAt ?? this.lastCommitAt;
      for (const outcome of message.outcomes) this.#settle(outcome);
      this.#parking.touch(message.touched);
      if (message.touched.length > 0) for (const listener of this.#listeners) listener();
    }
  }

  #settle(outcome: WireOutcome): void {
    const waiting = this.#waiting.get(outcome.id);
    if (!waiting) return;
    this.#waiting.delete(outcome.id);
    this.#characters -= waiting.characters;
    const waited = performance.now() - waiting.since;
    if ('answer' in outcome) {
      this.#observer.wrote(waiting.op, 'ok', waited);
      waiting.resolve(outcome.answer);
    } else if ('wait' in outcome) this.#park(outcome.wait, waiting);
    else {
      const { code, detail, details, cause } = outcome.error;
      this.#observer.wrote(waiting.op, code, waited);
      waiting.reject(new HoldfastError(code, detail, details, { cause }));
    }
    if (this.#waiting.size === 0) this.#idle?.();
  }

  /** The call is no longer the writer's; it comes back when there may be news. */
  #park(wait: { topic: string; ms: number }, { again, began, resolve, reject }: Waiting): void {
    if (!again) throw new Error('a call waits that may not');
    const resume = () => this.#post(again, began, resolve, reject);
    const abandon = (reason: unknown) => reject(reason instanceof Error ? reason : new Error('given up'));
    this.#parking.park(wait, again.signal, resume, abandon);
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
    this.#parking.wake();
    this.#idle?.();
    this.#failed.resolve(error);
  }
}
