import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { readAround, Unreadable } from '../../damage.ts';
import { decodeCursor, encodeCursor, within } from '../../page.ts';
import type { Context, Tx, Value } from '../../tx.ts';
import { toSummary } from './answer.ts';
import { erased, findHead, findRow } from './rows.ts';

type Input = InputOf<typeof sessions.list>;

// A session whose head row is missing keeps a place, to be reported.
const sorts = {
  updatedAt: { column: 'coalesce(h.updated_at, s.created_at)', type: 'number' },
  createdAt: { column: 's.created_at', type: 'number' },
  id: { column: 's.id', type: 'string' },
} as const;

/**
 * A page of summaries. It reads every session of the application for its order: an index on the time of the last
 * change would dirty two more pages per append, and 10,000 sessions sort in milliseconds.
 */
export async function list(tx: Tx, input: Input, context: Context) {
  const { column: sort, type } = sorts[input.sort];
  const order = input.order ?? (input.sort === 'updatedAt' ? 'desc' : 'asc');
  const name = `${context.op} ${input.sort} ${order}`;
  const where = ['s.app = ?', input.deleted ? `s.deleted_at > ${erased}` : 's.deleted_at IS NULL'];
  const parameters: Value[] = [input.app];
  const only = (condition: string, ...values: (Value | undefined)[]) => {
    if (values.some((value) => value === undefined)) return;
    where.push(condition);
    parameters.push(...(values as Value[]));
  };
  only('s.status = ?', input.status);
  only('s.working_directory = ?', input.workingDirectory);
  only('s.model = ?', input.model);
  only(`${sorts.updatedAt.column} > ?`, input.updatedAfter && Date.parse(input.updatedAfter));
  only(`${sorts.updatedAt.column} < ?`, input.updatedBefore && Date.parse(input.updatedBefore));
  if (input.cursor !== undefined) {
    const place = decodeCursor(context, name, input.cursor, [type, 'number']);
    only(`(${sort}, s.session_no) ${order === 'asc' ? '>' : '<'} (?, ?)`, ...place);
  }
  const { rows, lost } = await scan(tx, sort, order, where, parameters, input);
  // Metadata is not answered, but read for its checksum.
  const shown = rows.slice(0, Math.min(input.limit, within(rows.map(([, , , size]) => Number(size)))));
  const items = [];
  for (const [, number, id] of shown) items.push(await summarize(tx, Number(number), String(id), context));
  // What cannot be read has no place in any order: it comes with the first page.
  if (input.cursor === undefined)
    for (const id of lost) items.push({ id, damaged: { reason: 'its row cannot be read' } });
  const last = rows.length > shown.length ? shown.at(-1) : undefined;
  return {
    items,
    nextCursor: last ? encodeCursor(context, name, [last[0] ?? null, last[1] ?? null]) : null,
    damagedCount: items.filter((item) => 'damaged' in item).length,
  };
}

/** The sessions of a page, one more than fits, and the ids of those whose rows cannot be read. */
async function scan(tx: Tx, sort: string, order: string, where: string[], parameters: Value[], input: Input) {
  const sql = `SELECT ${sort}, s.session_no, s.id, octet_length(s.metadata)
    FROM session s LEFT JOIN session_head h ON h.session_no = s.session_no
    WHERE ${where.join(' AND ')}`;
  const by = `ORDER BY ${sort} ${order}, s.session_no ${order} LIMIT ?`;
  const rest = [...parameters, input.limit + 1];
  try {
    return { rows: await tx.query(`${sql} ${by}`, ...rest), lost: [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  const state = input.deleted ? `deleted_at > ${erased}` : 'deleted_at IS NULL';
  const ordered = `SELECT session_no, id FROM session WHERE app = ? AND ${state} ORDER BY session_no`;
  const known = await tx.query(ordered, input.app);
  const lost = new Set<number>();
  const part = (low: number, high: number) =>
    tx.query(`${sql} AND s.session_no BETWEEN ? AND ? ${by}`, ...parameters, low, high, input.limit + 1);
  const [first, last] = [known[0], known.at(-1)].map((row) => Number(row?.[0] ?? 0)) as [number, number];
  const found = await readAround(first, last, part, (number) => void lost.add(number));
  const ids = new Map(known.map(([number, id]) => [Number(number), String(id)]));
  return {
    rows: found.toSorted(order === 'asc' ? compare : (a, b) => compare(b, a)).slice(0, input.limit + 1),
    lost: [...lost].flatMap((number) => ids.get(number) ?? []),
  };
}

/** By the value that is sorted by, then by number. */
function compare([a, first]: Value[], [b, second]: Value[]): number {
  if (a === b) return Number(first) - Number(second);
  return typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(String(b))) : Number(a) - Number(b);
}

async function summarize(tx: Tx, number: number, id: string, context: Context) {
  try {
    return toSummary(await findRow(tx, number, id), await findHead(tx, number, id), context);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'damaged') return { id, damaged: { reason: error.message } };
    throw error;
  }
}
