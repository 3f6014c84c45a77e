import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import type { contract } from '../shared/contract.ts';
import { HoldfastError, type ErrorCode } from '../shared/errors.ts';
import type { OutputOf } from '../shared/operation.ts';
import { uuidv7 } from '../shared/uuid.ts';
import { orAborted, signalAt } from './aborts.ts';
import { conceal, openReason } from './conceal.ts';

type Auth = typeof contract.auth;
type Call<Verb extends keyof Auth> = (
  input: Omit<z.input<Auth[Verb]['input']>, 'app'>,
  options?: { signal?: AbortSignal; deadlineMs?: number; key?: string },
) => Promise<OutputOf<Auth[Verb]>>;

/** What of a client this needs. */
export type Target = { readonly [Verb in 'token' | 'refresh' | 'commitRefresh' | 'failRefresh']: Call<Verb> };

/** What the application's refresh function is given. */
export interface Grant {
  refreshToken: string;
  /** How refreshes ended since tokens were stored last; unknown: one of them may have used this refresh token up. */
  previousAttempt?: 'failed' | 'unknown' | undefined;
  /** Aborted ten seconds before the right to refresh ends, so that the answer can still be stored. */
  signal: AbortSignal;
}

/** What it answers: a `refreshToken` of null or absent keeps the old one, an `expiresAt` of null or absent is not known. */
export interface Refreshed {
  accessToken: string;
  refreshToken?: string | null | undefined;
  expiresAt?: string | null | undefined;
  scopes?: string[] | undefined;
}

/** Asks the issuer for new tokens. An error with `fatal: true` or the code 'invalid_grant' says: only a login helps. */
export type RefreshFunction = (grant: Grant) => Refreshed | Promise<Refreshed>;

export interface Ask {
  profile: string;
  minValidMs: number | undefined;
  waitMs: number | undefined;
  leaseMs: number | undefined;
  /** The access token that was refused. */
  rejected: string | undefined;
}

export interface Held {
  kind: 'oauth' | 'api-key';
  accessToken: string;
  expiresAt: string | null;
}

type Granted = Extract<OutputOf<Auth['refresh']>, { status: 'granted' }>;

const rounds = 3;
/** How long a call may take that waits for nobody. */
const callMs = 10_000;
/** How long tokens may take to be stored at most: as long as the longest lease. */
const maxCommitMs = 600_000;

/** A good token: the one that is kept, one that another process gets, or one that `refresh` gets for all. */
export async function obtain(auth: Target, ask: Ask, refresh: RefreshFunction, signal: AbortSignal): Promise<Held> {
  const { waitMs = 30_000, rejected, profile, minValidMs } = ask;
  for (let round = 1; round <= rounds; round++) {
    const kept = await auth.token({ profile, minValidMs }, { signal }).catch(unlessRefreshable);
    const accessToken = kept?.accessToken ?? kept?.apiKey;
    if (kept && accessToken !== undefined && accessToken !== rejected) return { ...kept, accessToken };
    // 'lease_expired' is the answer to a grant that came too late, so that it was given to somebody else.
    const call = auth.refresh({ ...ask, waitMs }, { signal, deadlineMs: waitMs + callMs });
    const answer = await unless('lease_expired', call);
    if (answer?.status === 'fresh') return { kind: 'oauth', ...answer };
    const held = answer && (await redeem(auth, ask, answer, refresh, signal));
    if (held) return held;
  }
  throw new HoldfastError('stale', `The credential was replaced ${rounds} times while it was refreshed: call again.`);
}

/** Calls the refresh function and stores its answer; undefined when others were stored meanwhile. */
async function redeem(
  auth: Target,
  { profile, rejected, leaseMs = 120_000 }: Ask,
  grant: Granted,
  refresh: RefreshFunction,
  signal: AbortSignal,
): Promise<Held | undefined> {
  const { lease, leaseExpiresAt, refreshToken, previousAttempt } = grant;
  const end = Date.parse(leaseExpiresAt);
  const secrets = [refreshToken, rejected];
  /** Gives the grant back; answers what is kept, undefined when that is not known. */
  const giveBack = async (error: unknown, outcome: 'failed' | 'unknown') => {
    try {
      const reason = openReason(error, secrets);
      const told = { profile, lease, reason, outcome, fatal: isFatal(error) };
      return await auth.failRefresh(told, { deadlineMs: 5000 });
    } catch (refusal) {
      // What went wrong first is what the application must hear; without this call, the lease ends by itself.
      return isRefusal(refusal, 'lease_expired') ? 'overtaken' : undefined;
    }
  };
  const late = signalAt(end - Math.min(10_000, leaseMs / 2), tooLate);
  const either = AbortSignal.any([signal, late.signal]);
  const toTokens = (answer: Refreshed) => {
    checkWhole(answer);
    const { accessToken, refreshToken: next, expiresAt, scopes } = answer;
    return { profile, lease, accessToken, refreshToken: next ?? undefined, expiresAt, scopes };
  };
  let running: Promise<Refreshed> | undefined;
  let answered = false;
  let tokens: ReturnType<typeof toTokens>;
  try {
    either.throwIfAborted();
    const given = conceal({ refreshToken, previousAttempt, signal: either }, ['refreshToken']);
    running = (async () => refresh(given))();
    const answer = await orAborted(running, either);
    answered = true;
    secrets.push(answer?.accessToken, answer?.refreshToken ?? undefined);
    tokens = toTokens(answer);
  } catch (error) {
    // A function that answers after all has used the old token up: what it got must not be lost.
    if (either.aborted) running?.then((answer) => commit(auth, toTokens(answer), end)).catch(() => undefined);
    // Cut off, or answered by half, it may have been carried out all the same.
    const unknown = answered || (running !== undefined && either.aborted);
    const left = await giveBack(error, unknown ? 'unknown' : 'failed');
    if (signal.aborted || isFatal(error)) throw error;
    if (left === 'overtaken') return undefined;
    const ends = Date.parse(left?.expiresAt ?? '');
    // A token that ends soon is of more use than an error.
    const kept = ends > Date.now() ? await auth.token({ profile, minValidMs: 0 }).catch(() => undefined) : undefined;
    if (kept?.accessToken === undefined || kept.accessToken === rejected) throw error;
    return { ...kept, accessToken: kept.accessToken };
  } finally {
    late[Symbol.dispose]();
  }
  try {
    const committed = await unless('lease_expired', commit(auth, tokens, end));
    const { accessToken } = tokens;
    return committed?.current ? { kind: 'oauth', accessToken, expiresAt: committed.expiresAt } : undefined;
  } catch (error) {
    // Otherwise it may be stored all the same: a lease that ends by itself leaves that open, as it is.
    if (error instanceof HoldfastError && !error.retryable) await giveBack(error, 'unknown');
    throw error;
  }
}

/** Stores new tokens. They exist nowhere else, so neither their caller's signal nor a full disk ends it at once. */
async function commit(auth: Target, tokens: Parameters<Target['commitRefresh']>[0], end: number) {
  const key = uuidv7();
  for (;;) {
    try {
      // Late is better than never: whether somebody else was faster is for the daemon to say. A clock that was set back
      // leaves more time than a timer can wait.
      const left = Math.min(end - Date.now(), maxCommitMs);
      return await auth.commitRefresh(tokens, { key, deadlineMs: Math.max(left, callMs) });
    } catch (error) {
      // For a wrong time or wrong scopes the tokens must not be lost: the old ones are used up.
      if (isRefusal(error, 'invalid_input')) {
        const { expiresAt: _, scopes: __, ...bare } = tokens;
        await auth.commitRefresh(bare, { deadlineMs: callMs }).catch(() => undefined);
      }
      if (!isRefusal(error, 'storage_full') || Date.now() >= end) throw error;
      await sleep(1000);
    }
  }
}

const tooLate = () =>
  new HoldfastError('refresh_failed', 'The refresh function had not answered shortly before its lease ended.');

function checkWhole(answer: Partial<Refreshed> | undefined): void {
  if (typeof answer?.accessToken === 'string' && answer.accessToken !== '') return;
  throw new HoldfastError(
    'refresh_failed',
    'The refresh function answered without an accessToken: nothing was stored.',
  );
}

/** A refresh mends what this passes over: an access token that is over, or cannot be read. */
function unlessRefreshable(error: unknown): undefined {
  const damaged = error instanceof HoldfastError && error.code === 'damaged' && error.details.field === 'accessToken';
  if (!damaged && !isRefusal(error, 'expired')) throw error;
}

/** Whether an error of the refresh function says that only a login helps. */
function isFatal(error: unknown): boolean {
  const { fatal, code } = (error ?? {}) as Record<'fatal' | 'code', unknown>;
  return fatal === true || code === 'invalid_grant';
}

const isRefusal = (error: unknown, code: ErrorCode) => error instanceof HoldfastError && error.code === code;

async function unless<T>(code: ErrorCode, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isRefusal(error, code)) return undefined;
    throw error;
  }
}
