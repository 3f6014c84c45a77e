import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError, invalidField } from '../shared/errors.ts';
import { orAborted } from './aborts.ts';
import { conceal } from './conceal.ts';
import { obtain, type Ask, type Held, type RefreshFunction, type Target } from './refresh.ts';

export interface WithTokenOptions {
  signal?: AbortSignal;
  /** How long the token must still be good; five minutes when absent. */
  minValidMs?: number;
  /** How long to wait while another process refreshes; 30 s when absent. */
  waitMs?: number;
  /** How long the refresh function may take, and ten seconds; 120 s when absent. */
  leaseMs?: number;
}

/** A token to send. Debug output does not show it. */
export interface Token {
  /** The access token, or the API key. */
  accessToken: string;
  /** null: it is good until it is refused. */
  expiresAt: string | null;
  /** For a request that was answered 401: a new token. If that is refused too before it is over, this throws `needs_login`. */
  rejected(): Promise<Token>;
}

/** `refresh` may be left out where none is needed, as for an API key: a token that needs one is refused with `invalid_input`. */
export type WithToken = (
  profile: string,
  refresh?: RefreshFunction,
  options?: AbortSignal | WithTokenOptions,
) => Promise<Token>;

interface Flight {
  outcome: Promise<Held>;
  abandoned: AbortController;
  waiting: number;
}

/** How long a caller that gave up waits until its lease is given back: its process may end next. */
const farewellMs = 2000;

/** For a refresh function that was not given, and for the grant it would use: that could only be given back as a failed refresh. */
const ungiven = (): never => {
  throw invalidField('refresh', 'must be a function: this token has to be refreshed');
};

/**
 * `client.auth.withToken`. Invariant: calls of one client that ask the same at the same time are one flight, with the
 * function of the first. The signal of a call ends its own waiting; when the last one is gone, it ends the flight.
 */
export function withTokenOf(auth: Target): WithToken {
  const flights = new Map<string, Flight>();

  const depart = (key: string, ask: Ask, refresh: RefreshFunction): Flight => {
    const abandoned = new AbortController();
    const target = refresh === ungiven ? { ...auth, refresh: ungiven } : auth;
    const flight = { outcome: obtain(target, ask, refresh, abandoned.signal), abandoned, waiting: 0 };
    flights.set(key, flight);
    const over = () => leave(key, flight);
    flight.outcome.then(over, over);
    return flight;
  };
  const leave = (key: string, flight: Flight) => {
    if (flights.get(key) === flight) flights.delete(key);
  };
  const join = async (ask: Ask, refresh: RefreshFunction, signal: AbortSignal | undefined): Promise<Held> => {
    signal?.throwIfAborted();
    // Who gives a function is not refused with those who give none.
    const key = JSON.stringify([ask, refresh === ungiven]);
    const flight = flights.get(key) ?? depart(key, ask, refresh);
    flight.waiting += 1;
    if (signal === undefined) return flight.outcome;
    try {
      return await orAborted(flight.outcome, signal);
    } finally {
      flight.waiting -= 1;
      if (signal.aborted && flight.waiting === 0) {
        leave(key, flight);
        flight.abandoned.abort(signal.reason);
        await Promise.race([flight.outcome.catch(() => undefined), sleep(farewellMs, undefined, { ref: false })]);
      }
    }
  };
  const get = async (ask: Ask, refresh: RefreshFunction, signal: AbortSignal | undefined): Promise<Token> => {
    const { kind, accessToken, expiresAt } = await join(ask, refresh, signal);
    const since = Date.now();
    const rejected = async () => {
      if (kind === 'api-key') throw new HoldfastError('needs_login', `The API key of ${ask.profile} was refused.`);
      // Kept until it was over, it was no bad one. One that came expired would be replaced without end.
      const ends = Date.parse(expiresAt ?? '');
      const over = since < ends && ends <= Date.now();
      if (ask.rejected === undefined || over) return get({ ...ask, rejected: accessToken }, refresh, signal);
      throw new HoldfastError('needs_login', `The new access token of ${ask.profile} was refused too: log in again.`);
    };
    return conceal({ accessToken, expiresAt, rejected }, ['accessToken']);
  };
  return (profile, refresh, options = {}) => {
    const { signal, minValidMs, waitMs, leaseMs } = options instanceof AbortSignal ? { signal: options } : options;
    const given = typeof refresh === 'function' ? refresh : ungiven;
    return get({ profile, minValidMs, waitMs, leaseMs, rejected: undefined }, given, signal);
  };
}
