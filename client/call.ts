import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError, invalidField } from '../shared/errors.ts';
import { keyHeader } from '../shared/headers.ts';
import type { Operation } from '../shared/operation.ts';
import { paths, untrusted } from '../shared/paths.ts';
import { signalAfter } from './aborts.ts';
import { daemonOf } from './daemon-files.ts';
import { toRequest } from './request.ts';
import { isAlive } from './start-lock.ts';
import { backoffMs, codeOf, mayRetry } from './retry.ts';
import { linesOf, textOf } from './stream.ts';
import { closedCode, type Send, type Transport } from './transport.ts';

/** What of `connect` and of one call a call depends on. */
export interface Calling {
  transport: Transport;
  socket: string;
  options: { app: string; deadlineMs?: number; client?: string };
  /** Starts the daemon if it is not there, and answers why not; undefined where that is not this client's to do. */
  autostart: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** What the last start answered, for the error of a call that finds nobody. */
  note: string;
}
export interface CallOptions {
  signal?: AbortSignal;
  deadlineMs?: number;
  /** Idempotency key of a write; made anew for each call when absent. */
  key?: string;
}

const defaultDeadlineMs = 30_000;
/** How long the answer to a call that waits may take after that. */
const answerMs = 10_000;
/** A longer time is up at once for Node's timers; AbortSignal.timeout throws at a part of a millisecond and at a time that is over. */
const longestTimer = 2 ** 31 - 1;
export const deadlineOf = ({ options }: Calling, { deadlineMs }: CallOptions): number =>
  Math.min(Math.max(Math.ceil(deadlineMs ?? options.deadlineMs ?? defaultDeadlineMs) || 0, 0), longestTimer);

interface Running extends Calling {
  operation: Operation;
  input: object;
  call: CallOptions;
}

/** Sends a call until it is answered, may not be repeated, or its time is up; `take` reads what came. */
export async function run<T>(given: Running, take: (transport: Transport, message: Send) => Promise<T>): Promise<T> {
  const running = withWait(given);
  const deadline = signalAfter(deadlineOf(running, running.call));
  try {
    return await untilAnswered(running, take, deadline.signal);
  } finally {
    deadline[Symbol.dispose]();
  }
}

/** A call that asks the daemon to wait has that time, too: cut before, a daemon that waits as asked would seem to hang. */
function withWait(running: Running): Running {
  const { call, input } = running;
  const asked = (input as { waitMs?: unknown }).waitMs;
  if (typeof asked !== 'number' || !(asked > 0)) return running;
  if (call.deadlineMs !== undefined && call.deadlineMs <= asked) {
    throw invalidField('waitMs', `must be less than the deadlineMs of the call, which is ${call.deadlineMs}`);
  }
  const deadlineMs = call.deadlineMs ?? Math.max(deadlineOf(running, call), asked + answerMs);
  return { ...running, call: { ...call, deadlineMs } };
}

async function untilAnswered<T>(
  running: Running,
  take: (transport: Transport, message: Send) => Promise<T>,
  deadline: AbortSignal,
): Promise<T> {
  const { transport, socket, options, operation, input, call } = running;
  const deadlineMs = deadlineOf(running, call);
  const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline;
  const message = { ...toRequest(operation, { app: options.app, ...input }, options.client, call.key), signal };
  // Stopping twice would stop the next daemon.
  const repeatable = operation.access !== 'admin' && (operation.kind === 'read' || keyHeader in message.headers);
  let last: unknown;
  for (let attempt = 1; ; attempt++) {
    checkSocket(socket);
    try {
      return await take(transport, message);
    } catch (error) {
      call.signal?.throwIfAborted();
      // Cut by the deadline, an attempt says less than the one before it.
      if (deadline.aborted) throw explain(last ?? error, running, deadlineMs);
      if (!mayRetry(error, repeatable)) throw explain(error, running, deadlineMs);
      last = error;
      if (isAbsent(error)) await startFor(running, signal, call.signal);
      try {
        await sleep(waitMs(error, attempt), undefined, { signal });
      } catch {
        call.signal?.throwIfAborted();
        throw explain(error, running, deadlineMs);
      }
    }
  }
}

/** An answer that is a text. */
export const plain = (transport: Transport, message: Send): Promise<string> => transport.send(message);

/** An answer that is one JSON document. */
export async function whole(transport: Transport, message: Send): Promise<unknown> {
  return JSON.parse(await transport.send(message)) as unknown;
}

/** An answer that is a stream, as it arrives. Opening it is repeated like any read; then only the caller ends it. */
export function openStream(running: Running): Promise<AsyncIterable<Buffer>> {
  const { signal = new AbortController().signal } = running.call;
  return run(running, (transport, message) => transport.open({ ...message, signal }, message.signal));
}

/** What a stream answers; once it flows, a cut is an error. */
export async function* read(running: Running): AsyncGenerator<unknown, void> {
  const text = 'format' in running.operation.input.shape;
  const { signal } = running.call;
  const chunks = await openStream(running);
  try {
    yield* text ? textOf(chunks) : linesOf(chunks);
  } catch (error) {
    // It was no cut, then.
    signal?.throwIfAborted();
    throw error;
  }
}

/** What the application is told when a call did not succeed: always a HoldfastError. */
export function explain(
  error: unknown,
  { socket, note }: Pick<Calling, 'socket' | 'note'>,
  deadlineMs: number,
): HoldfastError {
  if (error instanceof HoldfastError) return error;
  if (codeOf(error) === closedCode)
    return new HoldfastError('unavailable', 'The client was closed.', {}, { cause: error });
  // The bytes that node:http could not read: they may be those of a secret.
  if (error instanceof Error && 'rawPacket' in error) delete error.rawPacket;
  const code = codeOf(error);
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? `holdfast is not running at ${socket}: ${note && `${note}; `}run 'holdfast start' (in a checkout: npm start)`
      : code === 'EACCES'
        ? `${socket} belongs to another user`
        : isSilence(error)
          ? `holdfast${silent(socket)}`
          : `holdfast did not answer at ${socket} (${code})`;
  return new HoldfastError('unavailable', `${why} (waited up to ${deadlineMs / 1000} s).`, {}, { cause: error });
}

/** Whether nothing came at all: the time was up, or the queue of the socket is full. */
const isSilence = (error: unknown): boolean =>
  error === undefined || codeOf(error) === 'EAGAIN' || /^(Timeout|Abort)Error$/.test((error as Error).name);

/** What a person can do about a daemon that holds its socket and says nothing. */
function silent(socket: string): string {
  const at = ` did not answer at ${socket}`;
  const pid = pidOf(socket);
  if (pid === undefined) return `${at}: look at 'holdfast status'`;
  return ` (pid ${pid})${at}: it is busy, suspended or hangs. Look at 'holdfast status'; to end it, run 'kill -9 ${pid}', which loses nothing that was stored`;
}

/** The process that says it serves this socket, if it lives. */
export function pidOf(socket: string): number | undefined {
  const own = paths();
  const file = own.socket === socket ? own.daemonFile : join(dirname(socket), 'daemon.json');
  const about = daemonOf(file);
  return about?.socket === socket && isAlive(about.pid) ? about.pid : undefined;
}

/** Throws when somebody else may have made the socket. */
export function checkSocket(socket: string): void {
  const danger = untrusted(socket);
  if (danger !== undefined) throw new HoldfastError('unavailable', `${danger}.`);
}

/** Milliseconds before the next attempt. A stopping daemon says one second; its successor is usually sooner. */
export function waitMs(error: unknown, attempt: number): number {
  const told = error instanceof HoldfastError ? (error.details.retryAfter ?? 0) * 1000 : 0;
  return Math.min(told || backoffMs(attempt), backoffMs(attempt) * 4);
}

/** Whether nobody listens. */
export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error));

/** Starts the daemon, as long as `signal` allows; only what a person must mend is thrown, and the caller's own abort. */
export async function startFor(calling: Calling, signal: AbortSignal, own?: AbortSignal): Promise<void> {
  try {
    calling.note = (await calling.autostart?.(signal)) ?? '';
  } catch (error) {
    own?.throwIfAborted();
    // No HoldfastError: another call of this client gave up the start that both waited for, and this one tries again.
    if (!signal.aborted && error instanceof HoldfastError) throw error;
  }
}
