import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { log, type LogRow } from '../../log.ts';
import { decodeCursor, encodeCursor } from '../../page.ts';
import { Damaged, JsonText, type Context, type Tx } from '../../tx.ts';
import { present, sessionHead, sessionNumber } from './rows.ts';

/** A page ends at this many bytes of messages, so that one request never holds more in memory. */
const pageBytes = 4 * 1024 * 1024;
/** A page looks at no more rows than this: a role that is rare makes short pages, not slow ones. */
const pageRows = 10_000;

type Input = InputOf<typeof sessions.messages>;

/** Messages of a session by seq. Their text goes out as it was stored. */
export async function messages(tx: Tx, input: Input, context: Context) {
  const sessionNo = await sessionNumber(tx, input.app, input.id);
  const { head } = present(await tx.find(sessionHead, { session_no: sessionNo }, input.id), input.id);
  const ascending = input.last === undefined && input.order !== 'desc';
  const [low, high] = bounds(input, context, sessionNo, head, ascending);
  // The far end of what this page looks at: without a role, every seq in between is a message.
  const limit = input.last ?? input.limit;
  const most = input.role === undefined ? limit : pageRows;
  const stop = ascending ? Math.min(high, low + most - 1) : Math.max(low, high - most + 1);
  const [from, to] = ascending ? [low, stop] : [stop, high];

  const { seqs, complete } = await pick(tx, sessionNo, from, to, ascending, limit, input.role);
  const rows = await read(tx, sessionNo, seqs);
  const items = seqs.map((seq) => itemText(seq, rows.get(seq)));
  const reached = complete ? stop : (seqs.at(-1) ?? stop);
  const more = ascending ? reached < high : reached > low;
  const nextCursor = more ? encodeCursor(context, context.op, [sessionNo, reached]) : null;
  const damaged = seqs.filter((seq) => !rows.has(seq) || rows.get(seq) instanceof Damaged).length;
  return new JsonText(
    `{"items":[${(input.last === undefined ? items : items.toReversed()).join(',')}],` +
      `"nextCursor":${JSON.stringify(nextCursor)},"damagedCount":${damaged},"head":${head}}`,
  );
}

/** Lowest and highest seq that the call asks for and has not seen. */
function bounds(input: Input, context: Context, sessionNo: number, head: number, ascending: boolean) {
  const low = (input.after ?? 0) + 1;
  const high = Math.min(head, (input.before ?? head + 1) - 1);
  if (input.cursor === undefined) return [low, high] as const;
  const place = decodeCursor(context, context.op, input.cursor, ['number', 'number']);
  const [session, seq] = place as [number, number];
  if (session !== sessionNo) throw new HoldfastError('reset', 'The cursor belongs to another session.');
  return ascending ? ([Math.max(low, seq + 1), high] as const) : ([low, Math.min(high, seq - 1)] as const);
}

/** Which messages make this page. Their sizes are read without touching the content itself. */
async function pick(
  tx: Tx,
  sessionNo: number,
  from: number,
  to: number,
  ascending: boolean,
  limit: number,
  role: string | undefined,
): Promise<{ seqs: number[]; complete: boolean }> {
  const sizes = await tx.query(
    `SELECT seq, octet_length(content) FROM log WHERE session_no = ? AND seq BETWEEN ? AND ?
     ${role === undefined ? '' : 'AND role = ?'} ORDER BY seq ${ascending ? 'ASC' : 'DESC'} LIMIT ?`,
    sessionNo,
    from,
    to,
    ...(role === undefined ? [] : [role]),
    limit + 1,
  );
  const sizeOf = new Map(sizes.map(([seq, size]) => [Number(seq), Number(size)]));
  const all = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => (ascending ? from + index : to - index));
  // A seq without a row is a message that was lost: it keeps its place, to be told.
  const candidates = role === undefined ? all : [...sizeOf.keys()];
  let bytes = 0;
  const over = candidates.findIndex((seq, index) => (bytes += sizeOf.get(seq) ?? 0) > pageBytes && index > 0);
  const seqs = candidates.slice(0, Math.min(limit, over === -1 ? limit : over));
  return { seqs, complete: seqs.length === candidates.length };
}

async function read(tx: Tx, sessionNo: number, seqs: number[]): Promise<Map<number | null, LogRow | Damaged<LogRow>>> {
  const wanted = 'WHERE session_no = ? AND seq IN (SELECT value FROM json_each(?))';
  const rows = await tx.select(log, wanted, sessionNo, JSON.stringify(seqs));
  return new Map(rows.map((row) => [(row instanceof Damaged ? row.row : row).seq, row]));
}

function itemText(seq: number, row: LogRow | Damaged<LogRow> | undefined): string {
  if (row === undefined) return `{"seq":${seq},"damaged":{"reason":"its row is missing"}}`;
  const { id, content } = row instanceof Damaged ? row.row : row;
  const ours = `{"id":${JSON.stringify(id)},"seq":${seq}`;
  if (row instanceof Damaged) return `${ours},"damaged":{"reason":${JSON.stringify(row.reason)}}}`;
  return content === null || content === '{}' ? `${ours}}` : `${ours},${content.slice(1)}`;
}
