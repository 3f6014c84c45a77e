import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as auth from '../../../../shared/resources/auth.ts';
import { formsOf, withoutForms, withoutTokens } from '../../../../shared/redact.ts';
import { keepSecrets, reveal } from '../../seal.ts';
import type { Context, Tx } from '../../tx.ts';
import { readGrant } from './grant.ts';
import { credential, holdsOf, ownerOf, toCredential, type CredentialRow } from './rows.ts';
import { withUsed } from './used.ts';

// Invariant: what a refresh brought is stored if and only if the refresh token that it was given is still the stored one,
// that is, no tokens were stored after its grant. So a late answer of the only holder counts, and one that another holder
// has overtaken does not.

const noLease = { lease: 0, lease_until: 0, lease_client: null, lease_pid: null };

/** Milliseconds until the next try after so many failures in a row: 1 s, doubled each time, at most a minute. */
export const maxBackoff = 60_000;
const backoffMs = (failures: number) => Math.min(maxBackoff, 1000 * 2 ** Math.min(failures - 1, 6));

async function grantedRow(tx: Tx, input: { app: string; profile: string; lease: string }, context: Context) {
  const { granted, ...row } = await readGrant(tx, context, input);
  if (granted > row.tokens) return { granted, row };
  throw new HoldfastError(
    'lease_expired',
    `Tokens were stored for '${input.profile}' since this grant: they are newer.`,
  );
}

export async function commitRefresh(tx: Tx, input: InputOf<typeof auth.commitRefresh>, context: Context) {
  const { row } = await grantedRow(tx, input, context);
  const { accessToken, refreshToken } = input;
  const holds = holdsOf(row);
  // What cannot be read any more must not keep the new ones out.
  const { refreshToken: old } = await readableSecrets(tx, context, row);
  const position = await tx.change({ kind: 'credential', id: row.profile });
  const used =
    old === undefined || refreshToken === undefined || refreshToken === old
      ? row.used
      : await withUsed(tx, context, row, old);
  await keepSecrets(tx, context, ownerOf(row), { accessToken, refreshToken });
  const next: CredentialRow = {
    ...row,
    ...noLease,
    holds: JSON.stringify([...new Set([...holds, 'accessToken', 'refreshToken'])]),
    expires_at: input.expiresAt ? Date.parse(input.expiresAt) : null,
    scopes: input.scopes === undefined ? row.scopes : JSON.stringify(input.scopes),
    obtained_at: context.at,
    tokens: position,
    used,
    state: 'ok',
    reason: null,
    failures: 0,
    retry_at: 0,
    attempt: null,
    updated_at: context.at,
    position,
  };
  await tx.put(credential, next);
  return { ...(await toCredential(tx, context, next)), current: row.replaced_at === null };
}

export async function failRefresh(tx: Tx, input: InputOf<typeof auth.failRefresh>, context: Context) {
  const { row, granted } = await grantedRow(tx, input, context);
  // A later grant is out: its holder may have used the token up, which is all that this failure would tell.
  if (row.lease !== 0 && row.lease !== granted) return toCredential(tx, context, row);
  const position = await tx.change({ kind: 'credential', id: row.profile });
  const failures = row.failures + 1;
  const next: CredentialRow = {
    ...row,
    ...noLease,
    state: input.fatal ? 'needs_login' : 'refresh_failed',
    reason: await openReason(tx, context, row, input.reason),
    failures,
    retry_at: context.at + backoffMs(failures),
    // That the refresh token may be used up is true until tokens are stored, however this one failed.
    attempt: row.attempt === 'unknown' ? 'unknown' : (input.outcome ?? 'failed'),
    updated_at: context.at,
    position,
  };
  await tx.put(credential, next);
  return toCredential(tx, context, next);
}

/** The reason as it may be kept in the open: applications quote what the issuer said. */
async function openReason(tx: Tx, context: Context, row: CredentialRow, reason: string): Promise<string> {
  const secrets = Object.values(await readableSecrets(tx, context, row));
  return withoutTokens(withoutForms(reason, secrets.flatMap(formsOf)));
}

/** The secrets of a version, as far as they can be read. */
async function readableSecrets(tx: Tx, context: Context, row: CredentialRow): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const field of holdsOf(row)) {
    try {
      secrets[field] = await reveal(tx, context, ownerOf(row), field);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'damaged') throw error;
    }
  }
  return secrets;
}
