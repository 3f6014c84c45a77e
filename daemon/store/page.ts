import { HoldfastError, invalidField } from '../../shared/errors.ts';
import { Damaged, type Context, type Table, type Tx, type Value } from './tx.ts';

/** A place in a list: values of its last item. It is good only in its own epoch and for its own list. */
export function encodeCursor(context: Context, list: string, place: Value[]): string {
  return Buffer.from(JSON.stringify([context.epoch, list, ...place])).toString('base64url');
}

/**
 * Reads the place back, whose values have these types; 410 `reset` when the store was restored since, 400 when it is
 * no cursor of this list.
 */
export function decodeCursor(context: Context, list: string, cursor: string, types: ('string' | 'number')[]): Value[] {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    parts = undefined;
  }
  const [epoch, name, ...place] = Array.isArray(parts) ? (parts as unknown[]) : [];
  const fits = place.length === types.length && place.every((value, index) => typeof value === types[index]);
  if (typeof epoch !== 'string' || name !== list || !fits) {
    throw invalidField('cursor', 'must be a nextCursor as this list answered it, with the same sort and order');
  }
  if (epoch !== context.epoch) {
    throw new HoldfastError('reset', 'The store was restored or created anew since this cursor: list from the start.');
  }
  return place as Value[];
}

export interface PageRequest {
  /** Column to sort by, and what it holds; ties fall to `tie`, a text column. */
  sort: string;
  type: 'string' | 'number';
  tie: string;
  order: 'asc' | 'desc';
  limit: number;
  cursor: string | undefined;
  /** Conditions and their parameters. */
  where: string[];
  parameters: Value[];
  /** SQL for the bytes that an item needs beside those of its row. */
  beside?: string;
}

/** A page ends at this many bytes of its rows and what belongs to them, so that one call never holds more in memory. */
const maxBytes = 4 * 1024 * 1024;

/** How many of these, from the first on, are together no more than `most` bytes; one at least where there is one. */
export function within(sizes: number[], most = maxBytes): number {
  let bytes = 0;
  const over = sizes.findIndex((size, index) => (bytes += size) > most && index > 0);
  return over === -1 ? sizes.length : over;
}

/** How many of the first `limit` rows of `tail`, which ends with its LIMIT, fit into a page. */
export async function fitting<R>(
  tx: Tx,
  { name, columns }: Table<R>,
  tail: string,
  parameters: Value[],
  limit: number,
  beside = '0',
): Promise<number> {
  // Of a long text, SQLite tells the length without reading it.
  const size = columns.map((column) => `coalesce(octet_length(${column}), 0)`).join(' + ');
  const sizes = await tx.query(`SELECT ${size} + ${beside} FROM ${name} ${tail}`, ...parameters, limit);
  const fits = within(sizes.map(([of]) => Number(of)));
  return fits < sizes.length ? fits : limit;
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
  item: (row: R) => Item | Promise<Item>,
  idOf: (row: R) => string,
) {
  const { sort, type, tie, order, cursor } = request;
  const list = `${context.op} ${sort} ${order}`;
  const where = [...request.where];
  const parameters = [...request.parameters];
  if (cursor !== undefined) {
    where.push(`(${sort}, ${tie}) ${order === 'asc' ? '>' : '<'} (?, ?)`);
    parameters.push(...decodeCursor(context, list, cursor, [type, 'string']));
  }
  const tail = `WHERE ${where.join(' AND ')} ORDER BY ${sort} ${order}, ${tie} ${order} LIMIT ?`;
  const limit = await fitting(tx, table, tail, parameters, request.limit, request.beside);
  const rows = await tx.select(table, tail, ...parameters, limit + 1);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  const raw = (last instanceof Damaged ? last.row : last) as Record<string, Value> | undefined;
  const items = [];
  for (const row of shown) {
    items.push(row instanceof Damaged ? { id: idOf(row.row), damaged: { reason: row.reason } } : await item(row));
  }
  return {
    items,
    nextCursor: raw ? encodeCursor(context, list, [raw[sort] ?? null, raw[tie] ?? null]) : null,
    damagedCount: shown.filter((row) => row instanceof Damaged).length,
  };
}
