import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as auth from '../../../../shared/resources/auth.ts';
import { dropSecrets, keepSecrets, reveal } from '../../seal.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import {
  credential,
  currentOf,
  findCurrent,
  guard,
  holdsOf,
  ownerOf,
  removeVersion,
  revealAll,
  toCredential,
  type CredentialRow,
} from './rows.ts';
import { refuseUsed, usedByAll } from './used.ts';
import { nextVersion, retire } from './versions.ts';

export async function put(tx: Tx, input: InputOf<typeof auth.put>, context: Context) {
  const { app, profile, accessToken, refreshToken, apiKey } = input;
  const guarded = input.expectedRevision !== undefined || input.ifAbsent === true;
  // A damaged one is in nobody's way, unless the caller counts on what it is.
  const previous = await findCurrent(tx, input).catch((error: unknown) => {
    if (guarded || !(error instanceof HoldfastError) || error.code !== 'damaged') throw error;
    return undefined;
  });
  guard(previous, input.expectedRevision, context);
  if (previous && input.ifAbsent) {
    throw new HoldfastError('exists', `A credential '${profile}' exists.`, {
      current: revisionOf(context, previous.position),
    });
  }
  await refuseUsed(tx, context, input, refreshToken);
  const secrets = Object.entries({ accessToken, refreshToken, apiKey }).filter(([, text]) => text !== undefined);
  const same = previous !== undefined && (await holdsExactly(tx, context, previous, Object.fromEntries(secrets)));
  const told = {
    account: input.account ?? null,
    client_id: input.clientId ?? null,
    scopes: JSON.stringify(input.scopes ?? []),
    expires_at: input.expiresAt ? Date.parse(input.expiresAt) : null,
  };
  if (same && Object.entries(told).every(([name, value]) => previous[name as keyof typeof told] === value)) {
    return toCredential(tx, context, previous);
  }
  if (!previous) context.status = 201;
  const position = await tx.change({ kind: 'credential', id: profile });
  const kin = same ? undefined : await withRefreshToken(tx, context, input);
  if (kin) {
    if (kin.replaced_at !== null) {
      await tx.delete(credential, { record: kin.record });
      await retire(tx, app, profile, context.at);
    }
    await dropSecrets(tx, ownerOf(kin));
    await keepSecrets(tx, context, ownerOf(kin), { accessToken, refreshToken });
    const holds = JSON.stringify(secrets.map(([field]) => field));
    const healed = { state: 'ok', reason: null, failures: 0, retry_at: 0 } as const;
    const times = { obtained_at: context.at, updated_at: context.at, replaced_at: null };
    return store(tx, context, { ...kin, ...told, ...healed, ...times, holds, position });
  }
  // The same secrets are the same version: an application that saves at every start must not push the others out.
  if (same) return store(tx, context, { ...previous, ...told, updated_at: context.at, position });
  const version = await nextVersion(tx, app, profile);
  const used = await usedByAll(tx, app, profile);
  await retire(tx, app, profile, context.at);
  const row: CredentialRow = {
    record: position,
    app,
    profile,
    version,
    kind: input.kind,
    ...told,
    holds: JSON.stringify(secrets.map(([field]) => field)),
    obtained_at: context.at,
    tokens: position,
    used,
    state: 'ok',
    reason: null,
    failures: 0,
    retry_at: 0,
    lease: 0,
    lease_until: 0,
    lease_client: null,
    lease_pid: null,
    attempt: null,
    created_at: previous?.created_at ?? context.at,
    stored_at: context.at,
    updated_at: context.at,
    replaced_at: null,
    position,
  };
  await keepSecrets(tx, context, ownerOf(row), { accessToken, refreshToken, apiKey });
  return store(tx, context, row);
}

/**
 * The version that has this refresh token. There is one at most: a grant of it, and what that brings, must not miss the
 * version that is answered.
 */
async function withRefreshToken(tx: Tx, context: Context, { app, profile, refreshToken }: InputOf<typeof auth.put>) {
  if (refreshToken === undefined) return undefined;
  for (const row of await tx.select(credential, 'WHERE app = ? AND profile = ?', app, profile)) {
    if (row instanceof Damaged || !holdsOf(row).includes('refreshToken')) continue;
    const stored = await reveal(tx, context, ownerOf(row), 'refreshToken').catch(unlessDamaged);
    if (stored === refreshToken) return row;
  }
  return undefined;
}

const unlessDamaged = (error: unknown) => {
  if (error instanceof HoldfastError && error.code === 'damaged') return undefined;
  throw error;
};

async function store(tx: Tx, context: Context, row: CredentialRow) {
  await tx.put(credential, row);
  return toCredential(tx, context, row);
}

/** Whether a version has these secrets and no others; one that cannot be read has not. */
async function holdsExactly(tx: Tx, context: Context, row: CredentialRow, secrets: Record<string, string | undefined>) {
  const stored = await revealAll(tx, context, row).catch((error: unknown) => {
    if (error instanceof HoldfastError && error.code === 'damaged') return undefined;
    throw error;
  });
  const names = Object.keys(secrets);
  return (
    stored !== undefined &&
    names.length === Object.keys(stored).length &&
    names.every((name) => stored[name] === secrets[name])
  );
}

async function remove(tx: Tx, input: InputOf<typeof auth.delete>, context: Context) {
  const { app, profile } = input;
  const [any] = await tx.query(
    'SELECT max(replaced_at IS NULL) FROM credential WHERE app = ? AND profile = ?',
    app,
    profile,
  );
  // Versions of one that is gone can still be erased.
  if (any?.[0] == null || (any[0] === 0 && !input.erase)) await currentOf(tx, input);
  if (input.expectedRevision !== undefined) guard(await findCurrent(tx, input), input.expectedRevision, context);
  const position = await tx.change({ kind: 'credential', id: profile });
  if (input.erase) {
    const rows = await tx.select(credential, 'WHERE app = ? AND profile = ?', app, profile);
    for (const row of rows)
      await removeVersion(tx, { app, profile, record: (row instanceof Damaged ? row.row : row).record });
  } else {
    await retire(tx, app, profile, context.at);
  }
  return { id: profile, revision: revisionOf(context, position) };
}
export { remove as delete };
