import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { contract } from '../shared/contract.ts';
import { HoldfastError } from '../shared/errors.ts';
import { keyHeader } from '../shared/headers.ts';
import type { IsStream, Operation, OutputOf } from '../shared/operation.ts';
import { paths, untrusted } from '../shared/paths.ts';
import { concealAnswer } from './conceal.ts';
import { toRequest } from './request.ts';
import { backoffMs, codeOf, mayRetry } from './retry.ts';
import { linesOf, textOf } from './stream.ts';
import { Transport, type Send } from './transport.ts';
import { withTokenOf, type WithToken } from './with-token.ts';

export { draftWriter, type DraftWriter, type DraftWriterOptions } from './drafts.ts';
export type { Grant, Refreshed, RefreshFunction } from './refresh.ts';
export type { Token, WithToken, WithTokenOptions } from './with-token.ts';
export { HoldfastError } from '../shared/errors.ts';
export { uuidv7 } from '../shared/uuid.ts';

export interface ConnectOptions {
  /** The application whose data this is: a-z, 0-9, `.`, `_`, `-`. */
  app: string;
  /** Path of the socket; the user's own daemon when absent. */
  socket?: string;
  /** How long one call may take, its retries included, in milliseconds. */
  deadlineMs?: number;
  /** `name/version` of the application, for the daemon's log. */
  client?: string;
  /** Connections at most. */
  maxSockets?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  deadlineMs?: number;
  /** Idempotency key of a write; made anew for each call when absent. */
  key?: string;
}

type InputFor<Op> = Op extends Operation<infer Input> ? Omit<z.input<Input>, 'app'> & { app?: string } : never;
type AnswerOf<Op> = IsStream<Op> extends true ? AsyncGenerator<OutputOf<Op>, void> : Promise<OutputOf<Op>>;
type Method<Op> =
  {} extends InputFor<Op>
    ? (input?: InputFor<Op>, options?: CallOptions) => AnswerOf<Op>
    : (input: InputFor<Op>, options?: CallOptions) => AnswerOf<Op>;
type Methods<C> = { readonly [Kind in keyof C]: { readonly [Verb in keyof C[Kind]]: Method<C[Kind][Verb]> } };

interface Helpers {
  readonly auth: {
    /** A good access token or API key; `refresh` is called if it takes a refresh and no other process is at it. */
    readonly withToken: WithToken;
  };
}

/** Every operation of the contract as a method: `client.feeds.put({ name, url })`. */
export type Client = Methods<typeof contract> & Helpers & AsyncDisposable & { close(): void };

const defaultDeadlineMs = 30_000;

/**
 * A client of the daemon. Every write carries a key, so a call is repeated by itself, and happens once, when the
 * daemon is restarted or killed under it; what fails after the deadline throws HoldfastError `unavailable`.
 */
export function connect(options: ConnectOptions): Client {
  const socket = options.socket ?? paths().socket;
  const transport = new Transport(socket, options.maxSockets ?? 16);
  const client: Record<string, unknown> = {
    close: () => transport.close(),
    [Symbol.asyncDispose]: async () => transport.close(),
  };
  for (const [group, operations] of Object.entries(contract) as [string, Record<string, Operation>][]) {
    client[group] = Object.fromEntries(
      Object.entries(operations).map(([verb, operation]) => [
        verb,
        (input: object = {}, call: CallOptions = {}) => {
          const answer = { transport, socket, options, operation, input, call };
          return operation.stream === 'out'
            ? read(answer)
            : run(answer, whole).then((got) => concealAnswer(operation, got));
        },
      ]),
    );
  }
  const made = client as unknown as Client;
  return { ...made, auth: { ...made.auth, withToken: withTokenOf(made.auth) } };
}

interface Running {
  transport: Transport;
  socket: string;
  options: ConnectOptions;
  operation: Operation;
  input: object;
  call: CallOptions;
}

/** Sends a call until it is answered, may not be repeated, or its time is up; `take` reads what came. */
async function run<T>(running: Running, take: (transport: Transport, message: Send) => Promise<T>): Promise<T> {
  const { transport, socket, options, operation, input, call } = running;
  const deadlineMs = call.deadlineMs ?? options.deadlineMs ?? defaultDeadlineMs;
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline;
  const message = { ...toRequest(operation, { app: options.app, ...input }, options.client, call.key), signal };
  // Stopping twice would stop the next daemon.
  const repeatable = operation.access !== 'admin' && (operation.kind === 'read' || keyHeader in message.headers);
  for (let attempt = 1; ; attempt++) {
    const danger = untrusted(socket);
    if (danger !== undefined) throw new HoldfastError('unavailable', `${danger}.`);
    try {
      return await take(transport, message);
    } catch (error) {
      call.signal?.throwIfAborted();
      if (deadline.aborted || !mayRetry(error, repeatable)) throw explain(error, socket, deadlineMs);
      const problemWait = error instanceof HoldfastError ? (error.details.retryAfter ?? 0) * 1000 : 0;
      try {
        // A stopping daemon says one second; its successor is usually sooner.
        await sleep(Math.min(problemWait || backoffMs(attempt), backoffMs(attempt) * 4), undefined, { signal });
      } catch {
        call.signal?.throwIfAborted();
        throw explain(error, socket, deadlineMs);
      }
    }
  }
}

/** An answer that is one JSON document. */
async function whole(transport: Transport, message: Send): Promise<unknown> {
  return JSON.parse(await transport.send(message)) as unknown;
}

/** An answer that is a stream. Opening it is repeated like any read; once it flows, a cut is an error. */
async function* read(running: Running): AsyncGenerator<unknown, void> {
  const text = 'format' in running.operation.input.shape;
  // A stream may take as long as it likes, so only the caller ends it.
  const { deadlineMs = running.options.deadlineMs ?? defaultDeadlineMs, signal } = running.call;
  const opening = AbortSignal.timeout(deadlineMs);
  const chunks = await run(running, (transport, message) =>
    transport.open({ ...message, signal: signal ?? new AbortController().signal }, opening),
  );
  try {
    yield* text ? textOf(chunks) : linesOf(chunks);
  } catch (error) {
    // It was no cut, then.
    signal?.throwIfAborted();
    throw error;
  }
}

/** What the application is told when a call did not succeed: always a HoldfastError. */
function explain(error: unknown, socket: string, deadlineMs: number): HoldfastError {
  if (error instanceof HoldfastError) return error;
  // The bytes that node:http could not read: they may be those of a secret.
  if (error instanceof Error && 'rawPacket' in error) delete error.rawPacket;
  const code = codeOf(error);
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? `holdfast is not running at ${socket}: start it with 'holdfastd' (in a checkout: npm start)`
      : code === 'EACCES'
        ? `${socket} belongs to another user`
        : `holdfast did not answer at ${socket}${code ? ` (${code})` : ''}`;
  return new HoldfastError('unavailable', `${why} (waited up to ${deadlineMs / 1000} s).`, {}, { cause: error });
}
