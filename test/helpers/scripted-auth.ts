import { vi } from 'vitest';
import type { RefreshFunction, Target } from '../../client/refresh.ts';
import { HoldfastError, type ErrorCode } from '../../shared/errors.ts';

export type Verb = keyof Target;
export type Answer = object | HoldfastError | (() => unknown);
interface Seen {
  verb: Verb;
  input: Record<string, unknown>;
  options: { signal?: AbortSignal; deadlineMs?: number; key?: string };
}

/** A scripted daemon in the same process: what a real one cannot be made to answer, and clocks that can be moved. */
export class Script {
  readonly seen: Seen[] = [];
  /** The answers of each verb in turn; the last one stays. */
  readonly #answers: Record<Verb, Answer[]>;

  constructor(answers: Partial<Record<Verb, Answer[]>>) {
    const committed = { current: true, expiresAt: null };
    this.#answers = { token: [refuse('expired')], refresh: [granted()], commitRefresh: [committed], failRefresh: [{}] };
    Object.assign(this.#answers, answers);
  }

  get verbs(): Verb[] {
    return this.seen.map(({ verb }) => verb);
  }

  of(verb: Verb): Seen[] {
    return this.seen.filter((one) => one.verb === verb);
  }

  get auth(): Target {
    const call = (verb: Verb) => async (input: object, options: object) => {
      this.seen.push({ verb, input: { ...input }, options: { ...options } });
      const [next, ...rest] = this.#answers[verb];
      if (rest.length > 0) this.#answers[verb] = rest;
      const answer: unknown = typeof next === 'function' ? await (next as () => unknown)() : next;
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const verbs: Verb[] = ['token', 'refresh', 'commitRefresh', 'failRefresh'];
    return Object.fromEntries(verbs.map((verb) => [verb, call(verb)])) as unknown as Target;
  }
}

export const refuse = (code: ErrorCode) => new HoldfastError(code, `This is ${code}.`);
export const granted = (lastsMs = 120_000) => ({
  status: 'granted',
  lease: 'lease-1',
  refreshToken: 'refresh-old',
  leaseExpiresAt: new Date(Date.now() + lastsMs).toISOString(),
  previousAttempt: 'unknown',
});
export const kept = (accessToken: string) => ({ kind: 'oauth', accessToken, expiresAt: '2030-01-01T00:00:00.000Z' });
export const tokens = { accessToken: 'access-new', refreshToken: 'refresh-new', expiresAt: null };
export const refresh = () => vi.fn<RefreshFunction>(async () => tokens);
/** Ends with its signal, as fetch does. */
export const untilAborted = () =>
  vi.fn<RefreshFunction>(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
export const failure = (call: Promise<unknown>) => call.then(() => undefined).catch((error: unknown) => error);
