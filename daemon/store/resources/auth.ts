import { HoldfastError } from '../../../shared/errors.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as auth from '../../../shared/resources/auth.ts';
import { page } from '../page.ts';
import { reveal, sealedBytes } from '../seal.ts';
import type { Context, Tx } from '../tx.ts';
import { expiryOf, isFresh, needsLogin } from './auth/fresh.ts';
import { credential, currentOf, ownerOf, toCredential } from './auth/rows.ts';

export { refresh } from './auth/refresh.ts';
export { commitRefresh, failRefresh } from './auth/settle.ts';
export { restore, sweep, versions } from './auth/versions.ts';
export { delete, put } from './auth/write.ts';

export async function get(tx: Tx, input: InputOf<typeof auth.get>, context: Context) {
  return toCredential(tx, context, await currentOf(tx, input));
}

export async function list(tx: Tx, input: InputOf<typeof auth.list>, context: Context) {
  const sort = { id: { sort: 'profile', type: 'string' }, createdAt: { sort: 'created_at', type: 'number' } } as const;
  const request = {
    ...sort[input.sort],
    tie: 'profile',
    order: input.order ?? 'asc',
    limit: input.limit,
    cursor: input.cursor,
    where: ['app = ?', 'replaced_at IS NULL'],
    parameters: [input.app],
    beside: sealedBytes(credential.name, 'credential'),
  };
  return page(
    tx,
    context,
    credential,
    request,
    (row) => toCredential(tx, context, row),
    (row) => row.profile,
  );
}

export async function token(tx: Tx, input: InputOf<typeof auth.token>, context: Context) {
  const row = await currentOf(tx, input);
  const owner = ownerOf(row);
  if (row.kind === 'api-key') {
    return { kind: row.kind, apiKey: await reveal(tx, context, owner, 'apiKey'), expiresAt: null };
  }
  // In need of a login there is nothing better to be had than what is not over yet.
  const minValidMs = row.state === 'needs_login' ? (input.minValidMs ?? 0) : input.minValidMs;
  if (isFresh(row, context.at, minValidMs)) {
    return { kind: row.kind, accessToken: await reveal(tx, context, owner, 'accessToken'), expiresAt: expiryOf(row) };
  }
  if (row.state === 'needs_login') throw needsLogin(row, row.reason ?? 'its refresh token was refused');
  throw new HoldfastError('expired', `The access token of '${input.profile}' has expired: refresh it.`);
}
