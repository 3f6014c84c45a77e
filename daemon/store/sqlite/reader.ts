import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../../shared/errors.ts';
import type { Observer, StoreAnswer } from '../store.ts';
import type { FromReader, ReaderData, ToReader } from './reader-worker.ts';
import type { ReadCall } from './reads.ts';

/** How long the thread stays when nobody needs it, in milliseconds: it costs some megabytes. */
const idleMs = 10_000;
/** The index follows when nothing was written for so long, */
const quietMs = 500;
/** and no later than this after something was, in milliseconds. */
const latestMs = 10_000;
/** Streams at a time; each holds one buffer of some hundred kilobytes. */
const maxStreams = 64;

/**
 * The code of the thread, read at the start: when the thread is needed, an upgrade may have replaced or removed the file. A
 * checkout's is many files, which nobody upgrades under it.
 */
const bundled = import.meta.url.endsWith('.ts')
  ? undefined
  : readFileSync(new URL('./reader-worker.js', import.meta.url), 'utf8');

type Received = Extract<FromReader, { id: number }>;
interface Waiting {
  resolve: (message: Received) => void;
  reject: (error: Error) => void;
}

/** The main thread's half of the reader: starts it on first need and ends it when it has had nothing to do. */
export class Reader {
  readonly #data: ReaderData;
  readonly #observer: Observer;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #ended: Promise<void> = Promise.resolve();
  #next = 0;
  #streams = 0;
  #indexing = false;
  #closed = false;
  readonly #idle: NodeJS.Timeout;
  readonly #index: NodeJS.Timeout;
  #firstChange: number | undefined;
  /** Why the search index cannot be fed. */
  failure: string | undefined;
  /** How far it has come, when it was last fed. */
  indexedTo: number | undefined;

  constructor(data: ReaderData, observer: Observer) {
    this.#data = data;
    this.#observer = observer;
    this.#idle = setTimeout(() => this.#endIfIdle(), idleMs).unref();
    this.#index = setTimeout(() => this.#startIndexing(), quietMs).unref();
  }

  async answer(call: ReadCall): Promise<StoreAnswer> {
    // A search may find the index far behind; it puts nothing off.
    if (call.op.startsWith('search.') && this.#firstChange === undefined) this.changed();
    const message = await this.#ask(++this.#next, (id) => ({ id, call, stream: false }));
    if ('answer' in message) return message.answer;
    throw new Error('the reader thread answered something else');
  }

  /** The steps of a stream, each read when the one before was taken; its bytes are good until the next is asked for. */
  async *stream(call: ReadCall): AsyncGenerator<Uint8Array, void> {
    if (this.#streams >= maxStreams) {
      const detail = `${maxStreams} streams are open already: read one to its end first.`;
      throw new HoldfastError('busy', detail, { retryAfter: 1 });
    }
    const id = ++this.#next;
    this.#streams += 1;
    try {
      let message = await this.#ask(id, () => ({ id, call, stream: true }));
      while ('step' in message && message.step !== undefined) {
        yield message.step;
        const used = message.step.buffer;
        message = await this.#ask(id, () => ({ next: id, used }), [used]);
      }
    } finally {
      this.#streams -= 1;
      this.#worker?.postMessage({ stop: id } satisfies ToReader);
      this.#idle.refresh();
    }
  }

  /** Something was written: the index follows when it is quiet. */
  changed(): void {
    const now = performance.now();
    this.#firstChange ??= now;
    if (now - this.#firstChange < latestMs) this.#index.refresh();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    clearTimeout(this.#index);
    this.#worker?.postMessage('close' satisfies ToReader);
    await this.#ended;
  }

  #ask(id: number, message: (id: number) => ToReader, transfer: ArrayBuffer[] = []): Promise<Received> {
    if (this.#closed) return Promise.reject(new HoldfastError('shutting_down', 'The daemon is stopping.'));
    const { promise, resolve, reject } = Promise.withResolvers<Received>();
    this.#waiting.set(id, { resolve, reject });
    this.#thread().postMessage(message(id), transfer);
    return promise;
  }

  #thread(): Worker {
    this.#idle.refresh();
    if (this.#worker) return this.#worker;
    const about = { workerData: this.#data, name: 'reader', resourceLimits: { maxYoungGenerationSizeMb: 4 } };
    const worker =
      bundled === undefined
        ? new Worker(new URL('./reader-worker.ts', import.meta.url), about)
        : new Worker(bundled, { ...about, eval: true, execArgv: [...process.execArgv, '--input-type=module'] });
    this.#worker = worker;
    worker.on('message', (message: FromReader) => this.#receive(message));
    worker.on('error', (error) => this.#lost(worker, error));
    this.#ended = new Promise((resolve) =>
      worker.once('exit', () => {
        this.#lost(worker, undefined);
        resolve();
      }),
    );
    return worker;
  }

  #receive(message: FromReader): void {
    if ('indexed' in message) {
      this.#indexing = false;
      this.failure = message.failure;
      this.indexedTo = message.indexed;
      this.#idle.refresh();
      return;
    }
    if ('damaged' in message) return this.#observer.damaged('reader', message.damaged);
    if ('recovered' in message) return this.#observer.recovered(message.recovered);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('error' in message) {
      const { code, detail, details, cause } = message.error;
      waiting?.reject(new HoldfastError(code, detail, details, { cause }));
    } else waiting?.resolve(message);
    this.#idle.refresh();
  }

  /** The thread is gone. Nothing is lost with it: reads can be asked again, and the index goes on where it was. */
  #lost(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#indexing = false;
    const error = new HoldfastError('busy', 'The reader thread ended: call again.', { retryAfter: 1 }, { cause });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #startIndexing(): void {
    if (this.#closed || this.#firstChange === undefined) return;
    if (this.#indexing) return void this.#index.refresh();
    this.#firstChange = undefined;
    this.#indexing = true;
    this.#thread().postMessage('index' satisfies ToReader);
  }

  #endIfIdle(): void {
    if (this.#waiting.size > 0 || this.#streams > 0 || this.#indexing) return void this.#idle.refresh();
    this.#worker?.postMessage('close' satisfies ToReader);
    // Who comes now starts another.
    this.#worker = undefined;
  }
}
