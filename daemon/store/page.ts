import { HoldfastError } from '../../shared/errors.ts';
import { Damaged, type Context, type Table, type Tx, type Value } from './tx.ts';

const isValue = (value: unknown): value is Value =>
  typeof value === 'string' || typeof value === 'number' || value === null;

/** A place in a list: the sort value and the tie-breaker of the last item. It is only good in its own epoch. */
export function encodeCursor(context: Context, place: Value[]): string {
  return Buffer.from(JSON.stringify([context.epoch, ...place])).toString('base64url');
}

/** Reads a cursor of `width` values back; `reset` (410) when the store was restored since, 400 when it is no cursor. */
export function decodeCursor(context: Context, cursor: string, width: number): Value[] {
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    place = undefined;
  }
  if (!Array.isArray(place) || place.length !== width + 1 || !place.every(isValue)) {
    throw new HoldfastError('invalid_input', 'The cursor is not one that a list answered.', {
      errors: [{ path: 'cursor', message: 'must be a nextCursor as answered' }],
    });
  }
  if (place[0] !== context.epoch) {
    throw new HoldfastError('reset', 'The store was restored or created anew since this cursor: list from the start.');
  }
  return place.slice(1);
}

export interface PageRequest {
  /** Column to sort by; ties fall to `tie`. */
  sort: string;
  tie: string;
  order: 'asc' | 'desc';
  limit: number;
  cursor: string | undefined;
  /** Conditions and their parameters. */
  where: string[];
  parameters: Value[];
}

/**
 * One page of a table by key set: a record that does not change while a list is walked appears exactly once.
 * `item` shapes a good row; damaged ones are reported in their place.
 */
export async function page<R extends object, Item>(
  tx: Tx,
  context: Context,
  table: Table<R>,
  request: PageRequest,
  item: (row: R) => Item,
  idOf: (row: R) => string,
) {
  const { sort, tie, order, limit, cursor } = request;
  const where = [...request.where];
  const parameters = [...request.parameters];
  if (cursor !== undefined) {
    where.push(`(${sort}, ${tie}) ${order === 'asc' ? '>' : '<'} (?, ?)`);
    parameters.push(...decodeCursor(context, cursor, 2));
  }
  const tail = `WHERE ${where.join(' AND ')} ORDER BY ${sort} ${order}, ${tie} ${order} LIMIT ?`;
  const rows = await tx.select(table, tail, ...parameters, limit + 1);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  const raw = (last instanceof Damaged ? last.row : last) as Record<string, Value> | undefined;
  return {
    items: shown.map((row) =>
      row instanceof Damaged ? { id: idOf(row.row), damaged: { reason: row.reason } } : item(row),
    ),
    nextCursor: raw ? encodeCursor(context, [raw[sort] ?? null, raw[tie] ?? null]) : null,
    damagedCount: shown.filter((row) => row instanceof Damaged).length,
  };
}
