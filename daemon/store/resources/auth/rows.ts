import { HoldfastError } from '../../../../shared/errors.ts';
import { dropSecrets, readable, reveal, type Owner } from '../../seal.ts';
import { Damaged, isAhead, isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';
import { atRevision } from '../revisions.ts';
import type { Credential } from '../../../../shared/resources/auth/fields.ts';

/**
 * A version of a profile. `record` is the position of the put that made it: its secrets are sealed for that number.
 * `tokens` is the position at which its tokens were stored last: what was granted before that is out of date.
 */
export interface CredentialRow {
  record: number;
  app: string;
  profile: string;
  version: number;
  kind: 'oauth' | 'api-key';
  account: string | null;
  client_id: string | null;
  scopes: string;
  /** Names of its secrets, as JSON. */
  holds: string;
  expires_at: number | null;
  /** When the access token was stored. */
  obtained_at: number;
  tokens: number;
  /** Digests of the refresh tokens that its refreshes used up last, as JSON. */
  used: string;
  state: 'ok' | 'refresh_failed' | 'needs_login';
  reason: string | null;
  /** Refreshes that failed since the last one that did not, and when the next may be tried. */
  failures: number;
  retry_at: number;
  /** Position of the newest grant that is not answered, else 0. */
  lease: number;
  lease_until: number;
  lease_client: string | null;
  lease_pid: number | null;
  attempt: 'failed' | 'unknown' | null;
  created_at: number;
  stored_at: number;
  updated_at: number;
  /** Null for the current version. */
  replaced_at: number | null;
  position: number;
}

export const credential = table<CredentialRow>(
  'credential',
  ['record'],
  [
    'app',
    'profile',
    'version',
    'kind',
    'account',
    'client_id',
    'scopes',
    'holds',
    'expires_at',
    'obtained_at',
    'tokens',
    'used',
    'state',
    'reason',
    'failures',
    'retry_at',
    'lease',
    'lease_until',
    'lease_client',
    'lease_pid',
    'attempt',
    'created_at',
    'stored_at',
    'updated_at',
    'replaced_at',
    'position',
  ],
);

export const ownerOf = ({ app, profile, record }: Pick<CredentialRow, 'app' | 'profile' | 'record'>): Owner => ({
  app,
  kind: 'credential',
  record,
  name: profile,
});
export const holdsOf = (row: CredentialRow) => JSON.parse(row.holds) as string[];

/** All secrets of a version, by name. */
export async function revealAll(tx: Tx, context: Context, row: CredentialRow): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const field of holdsOf(row)) secrets[field] = await reveal(tx, context, ownerOf(row), field);
  return secrets;
}

interface Address {
  app: string;
  profile: string;
}

/** The current version, undefined when there is none. */
export async function findCurrent(tx: Tx, { app, profile }: Address): Promise<CredentialRow | undefined> {
  const [row] = await tx.select(credential, 'WHERE app = ? AND profile = ? AND replaced_at IS NULL', app, profile);
  if (!(row instanceof Damaged)) return row;
  throw new HoldfastError(
    'damaged',
    `The credential '${profile}' of '${app}' is damaged: ${row.reason}. Log in again, or restore an earlier version.`,
  );
}

export async function currentOf(tx: Tx, address: Address): Promise<CredentialRow> {
  const row = await findCurrent(tx, address);
  if (!row) throw new HoldfastError('not_found', `There is no credential '${address.profile}'.`);
  return row;
}

export const guard = (row: CredentialRow | undefined, expected: string | undefined, context: Context): void =>
  atRevision('credential', row, expected, context);

export async function removeVersion(tx: Tx, row: Pick<CredentialRow, 'app' | 'profile' | 'record'>): Promise<void> {
  await dropSecrets(tx, ownerOf(row));
  await tx.delete(credential, { record: row.record });
}

/** Longest life of a grant, in milliseconds. */
export const maxLease = 600_000;
const isGranted = (row: CredentialRow, at: number) => row.lease !== 0 && isAhead(row.lease_until, at, maxLease);

/** How refreshes ended since tokens were stored: one whose lease ran out without a word ended nobody knows how. */
export const attemptOf = (row: CredentialRow, at: number) =>
  row.lease !== 0 && !isGranted(row, at) ? 'unknown' : row.attempt;

const iso = (ms: number | null) => (ms === null ? null : isoTime(ms));

/** What may be told of a credential: everything but its secrets. */
export async function toCredential(tx: Tx, context: Context, row: CredentialRow): Promise<Credential> {
  const refreshing = isGranted(row, context.at);
  return {
    profile: row.profile,
    kind: row.kind,
    account: row.account,
    clientId: row.client_id,
    scopes: JSON.parse(row.scopes) as string[],
    expiresAt: iso(row.expires_at),
    holds: holdsOf(row),
    credentials: await readable(tx, context, ownerOf(row), holdsOf(row)),
    state: row.state,
    reason: row.reason,
    refreshing: refreshing
      ? { client: row.lease_client, pid: row.lease_pid, leaseExpiresAt: isoTime(row.lease_until) }
      : null,
    previousAttempt: attemptOf(row, context.at),
    version: row.version,
    createdAt: isoTime(row.created_at),
    updatedAt: isoTime(row.updated_at),
    revision: revisionOf(context, row.position),
  };
}
