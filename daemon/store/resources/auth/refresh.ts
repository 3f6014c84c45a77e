import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as auth from '../../../../shared/resources/auth.ts';
import { reveal } from '../../seal.ts';
import { furthest, isAhead, isoTime, type Context, type Tx } from '../../tx.ts';
import { Wait } from '../../wait.ts';
import { grantToken, readGrant } from './grant.ts';
import { expiryOf, isFresh, needsLogin } from './fresh.ts';
import { attemptOf, credential, currentOf, holdsOf, maxLease, ownerOf, type CredentialRow } from './rows.ts';
import { maxBackoff } from './settle.ts';

// Invariant: while a grant is neither answered nor out of time, no second one exists for its profile, nor for any profile
// of the same application and client id; a refresh token is given out only by a grant. The writer runs one operation at a
// time, so looking and granting are one step. What a grant brings back is decided by settle.ts.

/** In milliseconds; less than a client's usual deadline. */
const usualWait = 25_000;
const usualLease = 120_000;

/** Answers a good token, the right to get one, or waits for whoever has that right. */
export async function refresh(tx: Tx, input: InputOf<typeof auth.refresh>, context: Context) {
  const row = await currentOf(tx, input);
  if (row.kind === 'api-key') {
    throw new HoldfastError(
      'needs_login',
      `The credential '${row.profile}' is an API key: there is nothing to refresh.`,
    );
  }
  const waited = context.waitedMs ?? 0;
  const access = await accessOf(tx, context, row);
  const refused = access === undefined || access === input.rejected;
  // One that was stored while this call waited is as fresh as the issuer gives them.
  const since = context.at - waited;
  if (
    !refused &&
    (isFresh(row, context.at, input.minValidMs) ||
      (waited > 0 && row.obtained_at >= since && (isFresh(row, context.at, 0) || cameExpired(row))))
  ) {
    return { status: 'fresh' as const, accessToken: access, expiresAt: expiryOf(row) };
  }
  if (row.state === 'needs_login') throw needsLogin(row, row.reason ?? 'its refresh token was refused');
  if (!holdsOf(row).includes('refreshToken')) throw needsLogin(row, 'it has no refresh token');
  const busy = await busyUntil(tx, row, context.at);
  if (busy !== undefined) {
    const left = (input.waitMs ?? usualWait) - waited;
    if (left > 0) return new Wait(input.app, 'credential', Math.min(left, busy - context.at));
    throw new HoldfastError(
      'refreshing',
      `Another process is refreshing '${row.profile}' or a sibling of its client id.`,
      {
        retryAfter: seconds(busy - context.at),
      },
    );
  }
  if (isAhead(row.retry_at, context.at, maxBackoff)) {
    // The issuer fails: what is not over yet is of more use than an error.
    if (!refused && isFresh(row, context.at, 0))
      return { status: 'fresh' as const, accessToken: access, expiresAt: expiryOf(row) };
    throw new HoldfastError(
      'refresh_failed',
      `The last refresh of '${row.profile}' failed: ${row.reason ?? 'no reason given'}.`,
      {
        retryAfter: seconds(row.retry_at - context.at),
      },
    );
  }
  return grant(tx, context, row, input.leaseMs ?? usualLease);
}

/** Whether a refresh brought a token that was over at once: a clock is wrong, and another refresh would bring the same. */
const cameExpired = ({ tokens, record, expires_at, obtained_at }: CredentialRow) =>
  tokens !== record && expires_at !== null && expires_at <= obtained_at;

/** The stored access token; one that is damaged counts as none, for a refresh replaces it. */
async function accessOf(tx: Tx, context: Context, row: CredentialRow): Promise<string | undefined> {
  if (!holdsOf(row).includes('accessToken')) return undefined;
  return reveal(tx, context, ownerOf(row), 'accessToken').catch((error: unknown) => {
    if (error instanceof HoldfastError && error.code === 'damaged') return undefined;
    throw error;
  });
}

const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));

/** Until when a grant is out that this one would meet: an issuer ends a login whose siblings refresh together. */
async function busyUntil(tx: Tx, { app, profile, client_id }: CredentialRow, at: number): Promise<number | undefined> {
  const [found] = await tx.query(
    'SELECT max(lease_until) FROM credential WHERE app = ? AND lease > 0 AND lease_until > ? AND lease_until <= ? AND (profile = ? OR client_id = ?)',
    app,
    at,
    furthest(at, maxLease),
    profile,
    client_id,
  );
  return found?.[0] == null ? undefined : Number(found[0]);
}

async function grant(tx: Tx, context: Context, row: CredentialRow, leaseMs: number) {
  const refreshToken = await reveal(tx, context, ownerOf(row), 'refreshToken');
  const attempt = attemptOf(row, context.at);
  const until = context.at + leaseMs;
  const position = await tx.change({ kind: 'credential', id: row.profile });
  const held = { lease: position, lease_until: until, lease_client: context.client, lease_pid: context.pid };
  await tx.put(credential, { ...row, ...held, attempt, updated_at: context.at, position });
  return {
    status: 'granted' as const,
    lease: grantToken(context, row.record, position),
    refreshToken,
    leaseExpiresAt: isoTime(until),
    ...(attempt && { previousAttempt: attempt }),
  };
}

/** Before a grant is answered again to a repeated call: one that is over must not look as if it were not. */
export async function mayRepeat(tx: Tx, input: unknown, context: Context, answer: unknown): Promise<void> {
  const { app, profile } = input as InputOf<typeof auth.refresh>;
  const { lease } = answer as { lease?: string };
  const row = lease === undefined ? undefined : await readGrant(tx, context, { app, profile, lease });
  if (row && row.lease === row.granted && row.lease_until > context.at && row.replaced_at === null) return;
  throw new HoldfastError('lease_expired', `This grant of '${profile}' is over: make a new call, with a new key.`);
}
