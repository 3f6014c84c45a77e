import { HoldfastError } from '../../../../shared/errors.ts';
import { isoTime } from '../../tx.ts';
import { holdsOf, type CredentialRow } from './rows.ts';

/** How long before its end a token counts as expired, in milliseconds, so that a call that begins now still ends in time. */
const usualMargin = 5 * 60_000;

/**
 * Whether the access token is good for `minValidMs` more, by the wall clock. A token that lives less than ten minutes
 * counts as expired in the second half of its life, else it would be refreshed without end.
 */
export function isFresh(row: CredentialRow, at: number, minValidMs: number | undefined): boolean {
  if (!holdsOf(row).includes('accessToken')) return false;
  if (row.expires_at === null) return true;
  const margin = minValidMs ?? Math.min(usualMargin, Math.max(0, row.expires_at - row.obtained_at) / 2);
  return at + margin < row.expires_at;
}

export const expiryOf = ({ expires_at }: CredentialRow) => (expires_at === null ? null : isoTime(expires_at));

export function needsLogin(row: CredentialRow, why: string): HoldfastError {
  return new HoldfastError('needs_login', `The credential '${row.profile}' needs a new login: ${why}.`);
}
