import { HoldfastError } from '../../../../shared/errors.ts';
import { Damaged, type Context, type Tx } from '../../tx.ts';
import { credential, type CredentialRow } from './rows.ts';

/** Refresh tokens that are remembered as used up, for each version. */
const remembered = 200;

const usedOf = (text: string) => JSON.parse(text) as string[];

/** The memory of a version whose refresh token `token` has been exchanged for another one. */
export async function withUsed(tx: Tx, context: Context, row: CredentialRow, token: string): Promise<string> {
  const digest = await context.keys.digest(tx, row.app, token);
  return JSON.stringify([...usedOf(row.used), ...(digest === undefined ? [] : [digest])].slice(-remembered));
}

/** What all versions of a profile remember, for a new one: versions go, and a restore or a removal leaves it with an older one. */
export async function usedByAll(tx: Tx, app: string, profile: string): Promise<string> {
  const rows = await tx.select(credential, 'WHERE app = ? AND profile = ? ORDER BY tokens', app, profile);
  const digests = rows.flatMap((row) => (row instanceof Damaged ? [] : usedOf(row.used)));
  return JSON.stringify([...new Set(digests)].slice(-remembered));
}

/**
 * Refuses a refresh token that a refresh of this profile has used up: a process that was slow, or a restore, must not
 * put it in place of the good one. Issuers answer its second use by ending the login.
 */
export async function refuseUsed(
  tx: Tx,
  context: Context,
  { app, profile }: { app: string; profile: string },
  token: string | undefined,
): Promise<void> {
  const digest = token === undefined ? undefined : await context.keys.digest(tx, app, token);
  if (digest === undefined) return;
  const rows = await tx.query('SELECT used FROM credential WHERE app = ? AND profile = ?', app, profile);
  if (rows.some(([used]) => String(used).includes(`"${digest}"`))) {
    throw new HoldfastError(
      'stale',
      `A refresh of '${profile}' has used this refresh token up: the stored one is newer.`,
    );
  }
}
