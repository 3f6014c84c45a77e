import { HoldfastError } from '../../shared/errors.ts';
import { Damaged, table, type Context, type Place, type Tx } from './tx.ts';

/** A secret of a record, sealed: apart from the record, so that one that cannot be read hides nothing else of it. */
interface SecretRow extends Place {
  sealed: string;
}
const secret = table<SecretRow>('secret', ['app', 'kind', 'record', 'field'], ['sealed']);

/** The record that secrets belong to: `name` is what people call it. */
export interface Owner {
  app: string;
  kind: string;
  record: number;
  name: string;
}

const ownerKey = 'WHERE app = ? AND kind = ? AND record = ?';
const placeOf = ({ app, kind, record }: Owner, field: string): Place => ({ app, kind, record, field });

/** Seals these secrets of a record; one that is undefined stays as it is. */
export async function keepSecrets(
  tx: Tx,
  context: Context,
  owner: Owner,
  secrets: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const [field, text] of Object.entries(secrets)) {
    if (text === undefined) continue;
    const place = placeOf(owner, field);
    await tx.put(secret, { ...place, sealed: await context.keys.seal(tx, place, text) });
  }
}

export async function dropSecrets(tx: Tx, owner: Owner): Promise<void> {
  const fields = await tx.query(`SELECT field FROM secret ${ownerKey}`, owner.app, owner.kind, owner.record);
  for (const [field] of fields) await tx.delete(secret, placeOf(owner, String(field)));
}

/** The secrets of a record as they are stored, for its history. */
export async function sealedOf(tx: Tx, { app, kind, record }: Owner): Promise<Record<string, string>> {
  const rows = await tx.select(secret, ownerKey, app, kind, record);
  return Object.fromEntries(
    rows.map((row) => (row instanceof Damaged ? row.row : row)).map(({ field, sealed }) => [field, sealed]),
  );
}

/** A secret of a record that should be there; 422 `damaged` with app, record and field when it cannot be read. */
export async function reveal(tx: Tx, context: Context, owner: Owner, field: string): Promise<string> {
  const place = placeOf(owner, field);
  const [row] = await tx.select(secret, `${ownerKey} AND field = ?`, place.app, place.kind, place.record, field);
  const text = row && !(row instanceof Damaged) ? await context.keys.open(tx, place, row.sealed) : undefined;
  if (text !== undefined) return text;
  throw new HoldfastError(
    'damaged',
    `The ${field} of ${owner.kind} '${owner.name}' of '${owner.app}' is damaged: store it anew${owner.kind === 'credential' ? ', or restore an earlier version' : ''}.`,
    { field },
  );
}

/** SQL for the bytes of all secrets of a row of this table, for whose pages `readable` opens them. */
export const sealedBytes = (owners: string, kind: string): string =>
  `(SELECT coalesce(sum(octet_length(sealed)), 0) FROM secret AS own WHERE own.app = ${owners}.app AND own.kind = '${kind}' AND own.record = ${owners}.record)`;

/** Whether all these secrets of a record can be read now. */
export async function readable(tx: Tx, context: Context, owner: Owner, fields: string[]): Promise<'ok' | 'unreadable'> {
  try {
    for (const field of fields) await reveal(tx, context, owner, field);
    return 'ok';
  } catch (error) {
    if (error instanceof HoldfastError) return 'unreadable';
    throw error;
  }
}
