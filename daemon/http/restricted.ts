import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError } from '../../shared/errors.ts';
import type { Operation } from '../../shared/operation.ts';

/** What all callers of the restricted socket may do together: a sandbox cannot be told from another one. */
export const limits = {
  connections: 64,
  /** Answers at once that are streams. */
  streams: 8,
  bodyBytes: 1024 * 1024,
  /** Calls, each one of a batch by itself: as many at once as `burst`, then so many a second. */
  perSecond: 200,
  burst: 400,
};

const sockets = new WeakSet<Socket>();
let streams = 0;
let tokens = limits.burst;
let filledAt = performance.now();

/** The restricted socket's server: its connections are marked, and served by `http` like all others. */
export function restrictedServer(http: NetServer): NetServer {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    http.emit('connection', socket);
  });
  server.maxConnections = limits.connections;
  return server;
}

export const isRestricted = (request: FastifyRequest): boolean => sockets.has(request.raw.socket);

/** Why an operation is for the main socket alone, whatever its input says; undefined when it is not. */
export function reasonOf({ access, method }: Pick<Operation, 'access' | 'method'>): string | undefined {
  if (access === 'secret') return 'it has to do with secrets';
  if (access === 'admin') return 'it rules the daemon';
  return method === 'DELETE' ? 'it removes something' : undefined;
}

/** Refuses an operation, or one with this input, that is for the main socket alone. */
export function checkRestricted(name: string, operation: Operation, input?: Record<string, unknown>): void {
  const reason = reasonOf(operation) ?? (input && operation.mainOnly?.(input));
  if (reason === undefined) return;
  throw new HoldfastError(
    'restricted',
    `${name} is refused on the restricted socket: ${reason}. The main socket does it.`,
  );
}

/** Refuses a request before its body is read: one too many, or too large. */
export function checkLimits(request: FastifyRequest, reply: FastifyReply): void {
  if (!isRestricted(request)) return;
  spend();
  const { 'transfer-encoding': chunked, 'content-length': length } = request.headers;
  if (chunked === undefined && Number(length ?? 0) <= limits.bodyBytes) return;
  // Its body is not read.
  reply.header('connection', 'close');
  if (chunked !== undefined) {
    throw new HoldfastError('invalid_input', 'The restricted socket takes no body without a Content-Length.');
  }
  throw new HoldfastError('too_large', `The restricted socket takes bodies of at most ${limits.bodyBytes} bytes.`);
}

/** Takes a call from what is allowed; throws when none is left. */
export function spend(): void {
  const now = performance.now();
  tokens = Math.min(limits.burst, tokens + ((now - filledAt) / 1000) * limits.perSecond);
  filledAt = now;
  if (tokens < 1) {
    const retryAfter = Math.ceil((1 - tokens) / limits.perSecond);
    throw new HoldfastError('rate_limited', 'The restricted socket is called too often.', { retryAfter });
  }
  tokens -= 1;
}

/** Takes the further calls of a request that was allowed: those that are not left are owed, so that the next caller waits for them. */
export function owe(calls: number): void {
  tokens -= calls;
}

/** Counts a stream until its connection or it has ended. */
export function holdStream(request: FastifyRequest, reply: FastifyReply): void {
  if (!isRestricted(request)) return;
  if (streams >= limits.streams) {
    throw new HoldfastError('busy', `The restricted socket streams ${streams} answers already.`);
  }
  streams += 1;
  reply.raw.once('close', () => (streams -= 1));
}
