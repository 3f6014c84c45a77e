import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as auth from '../../../../shared/resources/auth.ts';
import { readable } from '../../seal.ts';
import { Damaged, isoTime, type Context, type Tx } from '../../tx.ts';
import {
  credential,
  findCurrent,
  guard,
  holdsOf,
  ownerOf,
  removeVersion,
  revealAll,
  toCredential,
  type CredentialRow,
} from './rows.ts';
import { refuseUsed } from './used.ts';

/** Versions that are kept besides the current one, and for how long after the profile was removed. */
const keptVersions = 5;
const keptMs = 30 * 24 * 3_600_000;
/** Versions that a sweep removes at once. */
const slice = 200;

/**
 * Makes the current version, if there is one, an earlier one. One whose row is damaged goes: it could be read by nobody,
 * and a person who logs in anew must not be refused for it.
 */
export async function retire(tx: Tx, app: string, profile: string, at: number): Promise<void> {
  const rows = await tx.select(credential, 'WHERE app = ? AND profile = ? AND replaced_at IS NULL', app, profile);
  for (const row of rows) {
    if (row instanceof Damaged) await removeVersion(tx, { app, profile, record: row.row.record });
    else await tx.put(credential, { ...row, replaced_at: at });
  }
  const old = await tx.query(
    'SELECT record FROM credential WHERE app = ? AND profile = ? AND replaced_at IS NOT NULL AND (lease = 0 OR lease_until <= ?) ORDER BY replaced_at DESC, version DESC LIMIT -1 OFFSET ?',
    app,
    profile,
    at,
    keptVersions,
  );
  for (const [record] of old) await removeVersion(tx, { app, profile, record: Number(record) });
}

export async function nextVersion(tx: Tx, app: string, profile: string): Promise<number> {
  const [row] = await tx.query('SELECT max(version) FROM credential WHERE app = ? AND profile = ?', app, profile);
  return Number(row?.[0] ?? 0) + 1;
}

export async function versions(tx: Tx, { app, profile }: InputOf<typeof auth.versions>, context: Context) {
  const rows = await tx.select(credential, 'WHERE app = ? AND profile = ? ORDER BY version DESC', app, profile);
  if (rows.length === 0)
    throw new HoldfastError('not_found', `There is no credential '${profile}', nor was there lately.`);
  const items = [];
  for (const found of rows) {
    const row = found instanceof Damaged ? withoutTimes(found.row) : found;
    items.push({
      version: row.version,
      current: row.replaced_at === null,
      kind: row.kind,
      account: row.account,
      expiresAt: row.expires_at === null ? null : isoTime(row.expires_at),
      credentials:
        found instanceof Damaged ? ('unreadable' as const) : await readable(tx, context, ownerOf(row), holdsOf(row)),
      createdAt: isoTime(row.stored_at),
      replacedAt: row.replaced_at === null ? null : isoTime(row.replaced_at),
    });
  }
  return { items };
}

/** A damaged row as far as it can be shown: a time that is none would end the list. */
const withoutTimes = (row: CredentialRow): CredentialRow => ({
  ...row,
  expires_at: null,
  stored_at: isTime(row.stored_at) ? row.stored_at : 0,
  replaced_at: row.replaced_at === null || isTime(row.replaced_at) ? row.replaced_at : 0,
});
const isTime = (ms: number) => Number.isSafeInteger(ms) && Math.abs(ms) <= 8.64e15;

/**
 * Makes a version current again. A refresh changes the tokens of its version, so each has the newest ones it ever had: no
 * restore brings a refresh token back that was used up.
 */
export async function restore(tx: Tx, input: InputOf<typeof auth.restore>, context: Context) {
  const { app, profile, version } = input;
  if (input.expectedRevision !== undefined) guard(await findCurrent(tx, input), input.expectedRevision, context);
  const [row] = await tx.select(credential, 'WHERE app = ? AND profile = ? AND version = ?', app, profile, version);
  if (!row) throw new HoldfastError('not_found', `There is no version ${version} of the credential '${profile}'.`);
  if (row instanceof Damaged) {
    throw new HoldfastError(
      'damaged',
      `Version ${version} of the credential '${profile}' of '${app}' is damaged: ${row.reason}.`,
    );
  }
  const secrets = await revealAll(tx, context, row);
  await refuseUsed(tx, context, input, secrets['refreshToken']);
  if (row.replaced_at === null) return toCredential(tx, context, row);
  await tx.delete(credential, { record: row.record });
  await retire(tx, app, profile, context.at);
  const position = await tx.change({ kind: 'credential', id: profile });
  const next = { ...row, replaced_at: null, updated_at: context.at, position };
  await tx.put(credential, next);
  return toCredential(tx, context, next);
}

/** Removes versions of profiles that are gone for long; answers whether there may be more. */
export async function sweep(tx: Tx, at: number): Promise<boolean> {
  const rows = await tx.query(
    `SELECT app, profile, record FROM credential AS old WHERE replaced_at < ? AND NOT EXISTS (
      SELECT 1 FROM credential WHERE app = old.app AND profile = old.profile AND replaced_at IS NULL) LIMIT ?`,
    at - keptMs,
    slice,
  );
  for (const [app, profile, record] of rows) {
    await removeVersion(tx, { app: String(app), profile: String(profile), record: Number(record) });
  }
  return rows.length === slice;
}
