import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { log } from '../../log.ts';
import { decodeCursor, encodeCursor } from '../../page.ts';
import { Damaged, JsonText, type Context, type Tx } from '../../tx.ts';
import { present, sessionHead, sessionNumber } from './rows.ts';

/** A page ends at this many bytes of messages, so that one request never holds more in memory. */
const pageBytes = 4 * 1024 * 1024;
/** A page looks at no more rows than this: a role that is rare makes short pages, not slow ones. */
const pageRows = 10_000;

/** Messages of a session by seq. Their text goes out as it was stored. */
export async function messages(tx: Tx, input: InputOf<typeof sessions.messages>, context: Context) {
  const sessionNo = await sessionNumber(tx, input.app, input.id);
  const { head } = present(await tx.find(sessionHead, { session_no: sessionNo }, input.id));
  const order = input.last === undefined ? (input.order ?? 'asc') : 'desc';
  let low = (input.after ?? 0) + 1;
  let high = Math.min(head, (input.before ?? head + 1) - 1);
  if (input.cursor !== undefined) {
    const [session, seq] = decodeCursor(context, input.cursor, 2) as [number, number];
    if (session !== sessionNo) throw new HoldfastError('reset', 'The session was created anew since this cursor.');
    if (order === 'asc') low = Math.max(low, seq + 1);
    else high = Math.min(high, seq - 1);
  }
  // The far end of what this page may look at.
  const stop = order === 'asc' ? Math.min(high, low + pageRows - 1) : Math.max(low, high - pageRows + 1);
  const [from, to] = order === 'asc' ? [low, stop] : [stop, high];

  const limit = input.last ?? input.limit;
  const wanted = await pick(tx, sessionNo, from, to, order, limit, input.role);
  const rows = await read(tx, sessionNo, wanted, order, input.role);
  const shown = order === 'desc' && input.last !== undefined ? rows.toReversed() : rows;
  const reached = wanted.complete ? stop : (wanted.seqs.at(-1) ?? stop);
  const more = input.last === undefined && (order === 'asc' ? reached < high : reached > low);
  const nextCursor = more ? encodeCursor(context, [sessionNo, reached]) : null;
  const damaged = rows.filter((row) => row instanceof Damaged).length;
  return new JsonText(
    `{"items":[${shown.map(itemText).join(',')}],"nextCursor":${JSON.stringify(nextCursor)},` +
      `"damagedCount":${damaged},"head":${head}}`,
  );
}

interface Wanted {
  seqs: number[];
  /** Whether everything between the bounds that matches is in `seqs`. */
  complete: boolean;
}

/** Which messages make this page: sizes are read without touching the content itself. */
async function pick(tx: Tx, session: number, from: number, to: number, order: string, limit: number, role?: string) {
  const sizes = await tx.query(
    `SELECT seq, octet_length(content) FROM log WHERE session_no = ? AND seq BETWEEN ? AND ?
     ${role === undefined ? '' : 'AND role = ?'} ORDER BY seq ${order} LIMIT ?`,
    session,
    from,
    to,
    ...(role === undefined ? [] : [role]),
    limit + 1,
  );
  let bytes = 0;
  const fits = sizes.slice(0, limit).findIndex(([, size], index) => (bytes += Number(size)) > pageBytes && index > 0);
  const seqs = (fits === -1 ? sizes.slice(0, limit) : sizes.slice(0, fits)).map(([seq]) => seq as number);
  return { seqs, complete: seqs.length === sizes.length } satisfies Wanted;
}

async function read(tx: Tx, session: number, { seqs }: Wanted, order: string, role?: string) {
  const [first, last] = [seqs[0], seqs.at(-1)];
  if (first === undefined || last === undefined) return [];
  return tx.select(
    log,
    `WHERE session_no = ? AND seq BETWEEN ? AND ? ${role === undefined ? '' : 'AND role = ?'} ORDER BY seq ${order}`,
    session,
    Math.min(first, last),
    Math.max(first, last),
    ...(role === undefined ? [] : [role]),
  );
}

function itemText(row: Awaited<ReturnType<typeof read>>[number]): string {
  const { id, seq, content } = row instanceof Damaged ? row.row : row;
  const ours = `{"id":${JSON.stringify(id)},"seq":${seq}`;
  if (row instanceof Damaged) return `${ours},"damaged":{"reason":${JSON.stringify(row.reason)}}}`;
  return content === null || content === '{}' ? `${ours}}` : `${ours},${content.slice(1)}`;
}
