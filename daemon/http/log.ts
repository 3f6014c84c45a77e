import type { FastifyInstance, FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import type { HoldfastError } from '../../shared/errors.ts';
import { fieldHeaders } from '../../shared/headers.ts';
import type { Operation } from '../../shared/operation.ts';
import type { Logger } from '../logger.ts';

/** A request that took longer than this, in milliseconds, is logged though it succeeded. */
const slowMs = 100;
const errors = new WeakMap<FastifyRequest, HoldfastError>();

/** Remembers what a request was refused for, until its one log line is written. */
export function noteError(request: FastifyRequest, error: HoldfastError): void {
  errors.set(request, error);
}

/** What a request was refused for, undefined when it was not. */
export const errorOf = (request: FastifyRequest) => errors.get(request);

const levelOf = (error: HoldfastError) => (error.status >= 500 ? 'error' : 'info');

const about = (error: HoldfastError) => ({
  code: error.code,
  ...(error.details.errors && { fields: error.details.errors.map(({ path }) => loggable(path)) }),
  // The stack of what went wrong underneath; never for the caller's own mistakes.
  ...(error.status >= 500 && error.cause !== undefined && { cause: causeOf(error.cause) }),
});
/** Names of fields that operations have, and of the headers that stand for them. */
const fields = new Set([
  ...Object.values(contract).flatMap((verbs) =>
    Object.values(verbs as Record<string, Operation>).flatMap(({ input }) => Object.keys(input.shape)),
  ),
  ...Object.keys(fieldHeaders),
]);
/** The path of a wrong field as far as it is ours: the name of one that nobody has is the caller's text. */
const loggable = (path: string) => {
  const [first = ''] = path.split('.');
  return fields.has(first) ? first : first === '' ? '' : '(unknown)';
};
const causeOf = (cause: unknown) => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));

/** The line of a request that was refused before its operation was known. */
export function logRefusal(logger: Logger, requestId: string, error: HoldfastError): void {
  logger[levelOf(error)]({ requestId, op: 'none', status: error.status, ...about(error) }, 'refused');
}

/** One line per refused, failed or slow request; every request at level debug. No bodies, no query. */
export function logResponses(app: FastifyInstance, logger: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    const error = errors.get(request);
    const slow = reply.elapsedTime > slowMs && !request.routeOptions.config.waits;
    const level = error ? levelOf(error) : slow ? 'warn' : 'debug';
    const { url } = request.routeOptions;
    // Asked for all the time, by programs that look after the daemon.
    if (url === contract.system.health.path || (!error && url === contract.system.metrics.path)) return;
    // One line each would be what the limit keeps from the daemon.
    if (error?.code === 'rate_limited' || !logger.isLevelEnabled(level)) return;
    const line = {
      requestId: request.id,
      op: request.routeOptions.config.operation ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      bytes: Number(request.headers['content-length'] ?? 0),
      ...(error && about(error)),
    };
    logger[level](line, error ? 'refused' : slow ? 'slow' : 'done');
  });
  // Cut off by the daemon itself, an answer is never finished.
  app.addHook('onRequestAbort', async (request) => {
    const error = errors.get(request);
    if (error?.code !== 'slow_reader') return;
    logger.info({ requestId: request.id, op: request.routeOptions.config.operation, ...about(error) }, 'cut off');
  });
}
