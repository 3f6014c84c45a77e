import { HoldfastError, type ErrorCode } from '../shared/errors.ts';

/**
 * The one retry table. Failures below HTTP either never reached the daemon, so that any call may be sent again, or
 * may have been executed, so that only a read or a write with a key may. Anything not named here is not retried.
 */
const failures: Record<string, 'never reached' | 'maybe executed'> = {
  ENOENT: 'never reached', // no socket: not started yet, or between two daemons
  ECONNREFUSED: 'never reached', // a socket nobody listens on: the daemon was killed
  EAGAIN: 'never reached', // the listen queue is full (Linux)
  ECONNRESET: 'maybe executed',
  EPIPE: 'maybe executed',
  EPROTO: 'maybe executed', // an answer that is none
  HPE_INVALID_CONSTANT: 'maybe executed', // of a stream: an answer cut off by a kill
  HPE_INVALID_EOF_STATE: 'maybe executed',
};

/**
 * What waiting would hide: of a full disk the person must make room, why a refresh failed is theirs to hear, and for
 * another process's refresh the daemon has waited as long as the call asked for.
 */
const toldAtOnce = new Set<ErrorCode>(['storage_full', 'refresh_failed', 'refreshing']);

/** Whether a call that failed may be sent again by itself. `repeatable`: a read, or a write with a key. */
export function mayRetry(error: unknown, repeatable: boolean): boolean {
  if (error instanceof HoldfastError) {
    return error.retryable && !toldAtOnce.has(error.code) && repeatable;
  }
  const failure = failures[codeOf(error)];
  return failure === 'never reached' || (failure === 'maybe executed' && repeatable);
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Milliseconds before attempt `n` (1, 2, ...): grows to a quarter second, with jitter so that clients spread out. */
export function backoffMs(attempt: number): number {
  return Math.min(250, 10 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random());
}
