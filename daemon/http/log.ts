import type { FastifyInstance, FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import type { HoldfastError } from '../../shared/errors.ts';
import type { Logger } from '../logger.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `feeds.put` */
    operation?: string;
  }
}

/** A request that took longer than this, in milliseconds, is logged though it succeeded. */
const slowMs = 100;
const errors = new WeakMap<FastifyRequest, HoldfastError>();

/** Remembers what a request was refused for, until its one log line is written. */
export function noteError(request: FastifyRequest, error: HoldfastError): void {
  errors.set(request, error);
}

/** One line per refused, failed or slow request; every request at level debug. No bodies, no query, no health. */
export function logResponses(app: FastifyInstance, logger: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    const error = errors.get(request);
    const slow = reply.elapsedTime > slowMs;
    const level = error === undefined ? (slow ? 'warn' : 'debug') : error.status >= 500 ? 'error' : 'info';
    if (!logger.isLevelEnabled(level) || request.routeOptions.url === contract.system.health.path) return;
    logger[level](
      {
        requestId: request.id,
        op: request.routeOptions.config.operation ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        bytes: Number(request.headers['content-length'] ?? 0),
        ...(error && {
          code: error.code,
          ...(error.details.errors && { fields: error.details.errors.map(({ path }) => path) }),
        }),
        // The stack of what went wrong underneath; never for the caller's own mistakes.
        ...(error?.cause !== undefined && error.status >= 500 && { cause: causeOf(error.cause) }),
      },
      error ? 'refused' : slow ? 'slow' : 'done',
    );
  });
}

const causeOf = (cause: unknown) => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
