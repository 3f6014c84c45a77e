import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { contract } from '../shared/contract.ts';
import { fromProblem, HoldfastError, invalidField, type Problem } from '../shared/errors.ts';
import { clientHeader, keyHeader } from '../shared/headers.ts';
import { fieldsTravelIn, pathFields, type Operation, type OutputOf } from '../shared/operation.ts';
import { paths, untrusted } from '../shared/paths.ts';
import { maxBody, version } from '../shared/protocol.ts';
import { uuidv7 } from '../shared/uuid.ts';
import { backoffMs, codeOf, mayRetry } from './retry.ts';
import { Transport, type Send } from './transport.ts';

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
type Method<Op> =
  {} extends InputFor<Op>
    ? (input?: InputFor<Op>, options?: CallOptions) => Promise<OutputOf<Op>>
    : (input: InputFor<Op>, options?: CallOptions) => Promise<OutputOf<Op>>;
type Methods<C> = { readonly [Kind in keyof C]: { readonly [Verb in keyof C[Kind]]: Method<C[Kind][Verb]> } };

/** Every operation of the contract as a method: `client.feeds.put({ name, url })`. */
export type Client = Methods<typeof contract> & AsyncDisposable & { close(): void };

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
        (input: object = {}, call: CallOptions = {}) => run(transport, socket, options, operation, input, call),
      ]),
    );
  }
  return client as unknown as Client;
}

async function run(
  transport: Transport,
  socket: string,
  options: ConnectOptions,
  operation: Operation,
  input: object,
  call: CallOptions,
): Promise<unknown> {
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
      return await once(transport, message);
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

async function once(transport: Transport, message: Send): Promise<unknown> {
  const { status, text, headers } = await transport.send(message);
  if (status >= 200 && status < 300) return JSON.parse(text) as unknown;
  const error = fromProblem(JSON.parse(text) as Problem);
  const retryAfter = Number(headers['retry-after']);
  if (Number.isFinite(retryAfter)) error.details.retryAfter = retryAfter;
  throw error;
}

/** Path, query or body, and headers of a call: the descriptor says where each field travels. */
function toRequest(operation: Operation, input: Record<string, unknown>, client: string | undefined, key = uuidv7()) {
  const inPath = new Set(pathFields(operation.path));
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => inPathText(field, input[field]));
  if (!/^[\x20-\x7e]{1,200}$/.test(key)) throw invalidField('key', 'must have 1 to 200 printable ASCII characters');
  const { app: _, ...withoutApp } = input;
  const fields = 'app' in operation.input.shape ? input : withoutApp;
  const others = Object.entries(fields).filter(([name, value]) => !inPath.has(name) && value !== undefined);
  const headers: Record<string, string> = {
    [clientHeader]: `${client ?? `holdfast-client/${version}`}; pid=${process.pid}`,
    ...(operation.kind === 'write' && { [keyHeader]: key }),
  };
  if (fieldsTravelIn(operation) === 'query') {
    const query = new URLSearchParams(
      others.flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)])),
    );
    return {
      method: operation.method,
      path: query.size > 0 ? `${path}?${query.toString()}` : path,
      headers,
      body: undefined,
    };
  }
  const body = JSON.stringify(Object.fromEntries(others));
  const length = Buffer.byteLength(body);
  // Told here for certain: the daemon's answer can be lost while the body is still on its way.
  if (length > maxBody) throw new HoldfastError('too_large', `The call is larger than ${maxBody / 1024 / 1024} MiB.`);
  headers['content-type'] = 'application/json';
  headers['content-length'] = String(length);
  return { method: operation.method, path, headers, body };
}

/** A field as part of the path; what no path can hold is refused here. */
function inPathText(field: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidField(field, 'is required');
  if (!value.isWellFormed()) throw invalidField(field, 'must be well-formed Unicode (it holds a lone surrogate)');
  return encodeURIComponent(value);
}

/** What the application is told when a call did not succeed: always a HoldfastError. */
function explain(error: unknown, socket: string, deadlineMs: number): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const code = codeOf(error);
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? `holdfast is not running at ${socket}: start it with 'holdfastd' (in a checkout: npm start)`
      : code === 'EACCES'
        ? `${socket} belongs to another user`
        : `holdfast did not answer at ${socket}${code ? ` (${code})` : ''}`;
  return new HoldfastError('unavailable', `${why} (waited up to ${deadlineMs / 1000} s).`, {}, { cause: error });
}
