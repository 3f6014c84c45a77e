import { setTimeout as sleep } from 'node:timers/promises';
import { contract } from '../shared/contract.ts';
import { fromProblem, HoldfastError, type Problem } from '../shared/errors.ts';
import type { Operation } from '../shared/operation.ts';
import { maxBatchBody, maxBatchCalls } from '../shared/protocol.ts';
import {
  checkSocket,
  deadlineOf,
  explain,
  isAbsent,
  startFor,
  waitMs,
  type Calling,
  type CallOptions,
} from './call.ts';
import { checkedKey, toJson, toRequest } from './request.ts';
import { mayRetry } from './retry.ts';
import type { Send } from './transport.ts';

/** Whether calls of an operation go through the queue: those that a batch may hold. */
export const isQueued = (name: string, { kind, access, stream, wait, secret }: Operation): boolean =>
  kind === 'write' && access !== 'admin' && !stream && !wait && !secret && name !== 'batch.run';

/** A write that is not answered yet. */
interface Write {
  /** The request of a write that travels alone; one that may travel with others is the text of a batch's call. */
  form: { message: Omit<Send, 'signal'> } | { text: string; bytes: number };
  deadlineMs: number;
  /** Given up by its caller, or too late: not sent again. */
  over: boolean;
  lastError: unknown;
  resolve: (output: unknown) => void;
  reject: (error: unknown) => void;
}

/** Bytes of calls that one request holds: a larger write travels alone. */
const maxBytes = maxBatchBody / 2;

type Result = { status: number; output: unknown } | { status: number; problem: Problem };

/**
 * The writes of one client. Invariant: one request is under way at a time, and what it holds is resent whole, with the
 * same keys, before anything later is sent; so the writes of one process take effect in the order they were made. What
 * was made meanwhile travels together as one batch of independent calls.
 */
export class WriteQueue {
  readonly #calling: Calling;
  #waiting: Write[] = [];
  #flight: { batch: Write[]; abandoned: AbortController } | undefined;
  #running: Promise<void> | undefined;

  constructor(calling: Calling) {
    this.#calling = calling;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async add(op: string, operation: Operation, input: object, call: CallOptions): Promise<unknown> {
    const { options } = this.#calling;
    const { signal } = call;
    signal?.throwIfAborted();
    // As the input is now: its caller may go on to change it.
    const whole = { app: options.app, ...input };
    const text = this.#running ? toCall(op, whole, call.key) : '';
    const bytes = Buffer.byteLength(text);
    const travelsAlone = bytes === 0 || bytes > maxBytes;
    const form = travelsAlone ? { message: toRequest(operation, whole, options.client, call.key) } : { text, bytes };
    const deadlineMs = deadlineOf(this.#calling, call);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const write: Write = { form, deadlineMs, over: false, lastError: undefined, resolve, reject };
    const tooLate = () => this.#giveUp(write, explain(write.lastError, this.#calling, deadlineMs));
    // After a process was suspended its answer may be there: that is read first.
    const late = setTimeout(() => setImmediate(tooLate), deadlineMs);
    const abort = () => this.#giveUp(write, signal?.reason);
    signal?.addEventListener('abort', abort);
    this.#waiting.push(write);
    this.#running ??= this.#run();
    return promise.finally(() => {
      clearTimeout(late);
      signal?.removeEventListener('abort', abort);
    });
  }

  /** A request that nobody waits for any more is cut, or it would hold up what comes after it. */
  #giveUp(write: Write, error: unknown): void {
    write.over = true;
    write.reject(error);
    if (this.#flight?.batch.every(({ over }) => over)) this.#flight.abandoned.abort();
  }

  async #run(): Promise<void> {
    for (let attempt = 1; ;) {
      const batch = this.#next();
      if (batch.length === 0) {
        this.#running = undefined;
        return;
      }
      const failed = await this.#send(batch);
      if (!failed) {
        attempt = 1;
        continue;
      }
      this.#waiting.unshift(...failed.again);
      if (isAbsent(failed.error)) await this.#start();
      await sleep(waitMs(failed.error, attempt++));
    }
  }

  /** Starts the daemon; what keeps it from starting is told to every write that waits for it. */
  async #start(): Promise<void> {
    // They may be more than a call takes arguments.
    const enough = AbortSignal.timeout(this.#waiting.reduce((most, { deadlineMs }) => Math.max(most, deadlineMs), 0));
    try {
      await startFor(this.#calling, enough);
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
  }

  /** Takes what the next request holds: as much as fits, in order. */
  #next(): Write[] {
    const live = this.#waiting.filter(({ over }) => !over);
    let count = 0;
    let bytes = 0;
    for (const { form } of live) {
      if ('message' in form) break;
      bytes += form.bytes;
      if (bytes > maxBytes || count === maxBatchCalls) break;
      count += 1;
    }
    this.#waiting = live;
    return this.#waiting.splice(0, Math.max(count, 1));
  }

  /** Sends these writes and settles them; answers those to be sent again, with why. */
  async #send(batch: Write[]): Promise<{ again: Write[]; error: unknown } | undefined> {
    const { transport, socket, options } = this.#calling;
    const abandoned = new AbortController();
    const { signal } = abandoned;
    this.#flight = { batch, abandoned };
    try {
      checkSocket(socket);
      const [first] = batch;
      if (first && 'message' in first.form) {
        first.resolve(JSON.parse(await transport.send({ ...first.form.message, signal })));
        return undefined;
      }
      const body = `{"calls":[${batch.map(({ form }) => ('text' in form ? form.text : '')).join(',')}]}`;
      const request = toRequest(contract.batch.run, {}, options.client);
      const answer = await transport.send({ ...request, body, signal });
      const { results } = JSON.parse(answer) as { results: Result[] };
      const good = results.length === batch.length && results.every((one) => 'output' in one || 'problem' in one);
      if (!good) throw new Error('the daemon answered other calls than those of the batch');
      return this.#settle(batch, results);
    } catch (error) {
      return this.#failed(batch, error);
    } finally {
      this.#flight = undefined;
    }
  }

  #settle(batch: Write[], results: Result[]) {
    const refused = batch.flatMap((write, index) => {
      const result = results[index];
      if (result && 'output' in result) write.resolve(result.output);
      return result && 'problem' in result ? [{ write, error: fromProblem(result.problem) }] : [];
    });
    const failures = refused.flatMap(({ write, error }) => this.#failed([write], error) ?? []);
    return failures[0] && { again: failures.flatMap(({ again }) => again), error: failures[0].error };
  }

  #failed(writes: Write[], error: unknown): { again: Write[]; error: unknown } | undefined {
    for (const write of writes) write.lastError = error;
    if (writes.length > 1 && error instanceof HoldfastError && error.code === 'invalid_input') {
      // One of them is what no batch may hold, and the others are good: nothing was done, and each travels alone.
      for (const { form } of writes) if ('text' in form) form.bytes = Infinity;
      return { again: writes, error };
    }
    if (mayRetry(error, true)) return { again: writes, error };
    for (const { reject, deadlineMs } of writes) reject(explain(error, this.#calling, deadlineMs));
    return undefined;
  }
}

/** A write as a call of a batch, as JSON text. */
function toCall(op: string, { app, ...input }: { app: string }, key: string | undefined): string {
  return toJson({ op, app, key: checkedKey(key), input });
}
