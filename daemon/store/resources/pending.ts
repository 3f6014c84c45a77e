import { HoldfastError } from '../../../shared/errors.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as pending from '../../../shared/resources/pending.ts';
import { dropSecrets, keepSecrets, reveal, type Owner } from '../seal.ts';
import { isAhead, isoTime, revisionOf, table, type Context, type Tx } from '../tx.ts';

/** Life of a pending login whose caller names none, in milliseconds. */
const usualTtl = 10 * 60_000;
/** Logins that a sweep removes at once. */
const slice = 200;

interface PendingRow {
  app: string;
  state: string;
  record: number;
  metadata: string;
  created_at: number;
  expires_at: number;
}
const row = table<PendingRow>('pending', ['app', 'state'], ['record', 'metadata', 'created_at', 'expires_at']);

const ownerOf = ({ app, state, record }: Pick<PendingRow, 'app' | 'state' | 'record'>): Owner => ({
  app,
  kind: 'pending',
  record,
  name: state,
});

export async function put(tx: Tx, input: InputOf<typeof pending.put>, context: Context) {
  const { app, state, secret } = input;
  const replaced = await drop(tx, app, state);
  if (!replaced) context.status = 201;
  const record = await tx.change({ kind: 'pending', id: state });
  const expiresAt = context.at + (input.ttlMs ?? usualTtl);
  const next = {
    app,
    state,
    record,
    metadata: JSON.stringify(input.metadata ?? {}),
    created_at: context.at,
    expires_at: expiresAt,
  };
  await keepSecrets(tx, context, ownerOf(next), { secret });
  await tx.put(row, next);
  return { state, expiresAt: isoTime(expiresAt), revision: revisionOf(context, record) };
}

/** Removes what is there, damaged or not; answers whether there was anything. */
async function drop(tx: Tx, app: string, state: string): Promise<boolean> {
  const [found] = await tx.query('SELECT record FROM pending WHERE app = ? AND state = ?', app, state);
  if (!found) return false;
  await dropSecrets(tx, ownerOf({ app, state, record: Number(found[0]) }));
  await tx.delete(row, { app, state });
  return true;
}

export async function take(tx: Tx, input: InputOf<typeof pending.take>, context: Context) {
  const { app, state } = input;
  const found = await tx.find(row, { app, state });
  if (!found || !isAhead(found.expires_at, context.at, found.expires_at - found.created_at)) {
    throw new HoldfastError('not_found', 'There is no such login in progress: it was taken, or its time is over.');
  }
  const secret = await reveal(tx, context, ownerOf(found), 'secret');
  await tx.change({ kind: 'pending', id: state });
  await drop(tx, app, state);
  const metadata = JSON.parse(found.metadata) as Record<string, unknown>;
  return { state, secret, metadata, createdAt: isoTime(found.created_at) };
}

/** Removes what is over; answers whether there may be more. */
export async function sweep(tx: Tx, at: number): Promise<boolean> {
  const rows = await tx.query('SELECT app, state FROM pending WHERE expires_at <= ? LIMIT ?', at, slice);
  for (const [app, state] of rows) await drop(tx, String(app), String(state));
  return rows.length === slice;
}
