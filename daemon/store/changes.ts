import { HoldfastError, invalidField } from '../../shared/errors.ts';
import type { OutputOf } from '../../shared/operation.ts';
import type { stream } from '../../shared/resources/changes.ts';
import { readAround, Unreadable } from './damage.ts';
import { log, longBytes, type LogRow } from './log.ts';
import { readMeta } from './meta.ts';
import { Damaged, isoTime, revisionOf, type Context, type Tx } from './tx.ts';

export type Change = OutputOf<typeof stream>;

/** Changes after a position, and the position they lead to: there is more when it differs from the one that was given. */
export interface ChangeSlice {
  changes: Change[];
  next: string;
}

/** What one slice takes at most: rows, and bytes of their content and answers, which their checksum covers. */
const maxRows = 256;
const maxBytes = 1024 * 1024;

/** Rows that are no change of a record: the store's own. */
const internal = new Set(['batch', 'branch', 'replay', 'root-key']);

/** The next changes after a position, in commit order; without one, none, and the newest position. */
export async function slice(tx: Tx, { after }: { after?: string }, context: Context): Promise<ChangeSlice> {
  const [newest] = await tx.query('SELECT max(position) FROM log');
  const head = Number(newest?.[0] ?? 0);
  const from = after === undefined ? head : await positionOf(tx, after, head, context);
  if (from === head) return { changes: [], next: revisionOf(context, head) };
  for (let most = maxRows; most >= 1; most /= 2) {
    const found = await changesAfter(tx, from, most, context);
    if (found) return found;
  }
  throw await unreadableAfter(tx, from, head, context);
}

/** The changes of so many rows at most; undefined when there is one among them that cannot be read. */
async function changesAfter(tx: Tx, from: number, most: number, context: Context): Promise<ChangeSlice | undefined> {
  try {
    return await changesOf(tx, from, await rowsAfter(tx, from, most), context);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

/** Where the changes go on behind some that cannot be read: no further on than a slice, whose search is no longer than that. */
async function unreadableAfter(tx: Tx, from: number, head: number, context: Context): Promise<HoldfastError> {
  const end = Math.min(head, from + maxRows);
  let floor = from + 1;
  while (floor < end && !(await changesAfter(tx, floor, 1, context))) floor++;
  const [first, last] = [revisionOf(context, from + 1), revisionOf(context, floor)];
  return new HoldfastError(
    'damaged',
    `The changes from ${first} to ${last} cannot be read, for the database is damaged there: read the records anew, ` +
      "then the changes after 'floor'.",
    { floor: last },
  );
}

/**
 * Rows after a position, as a slice takes them. Never one more than it answers: SQLite would go on to the next, or from
 * the position itself, and that may be what cannot be read.
 */
async function rowsAfter(tx: Tx, from: number, most: number) {
  const sql = `SELECT ${longBytes} FROM log WHERE position >= ? ORDER BY position LIMIT ?`;
  const sizes = await tx.query(sql, from + 1, most);
  let bytes = 0;
  const over = sizes.findIndex(([size], index) => (bytes += Number(size)) > maxBytes && index > 0);
  const count = over === -1 ? sizes.length : over;
  return tx.select(log, 'WHERE position >= ? ORDER BY position LIMIT ?', from + 1, count);
}

async function changesOf(tx: Tx, from: number, found: (LogRow | Damaged<LogRow>)[], context: Context) {
  const rows = found.map((row) => (row instanceof Damaged ? row.row : row));
  const damage = new Map(found.flatMap((row) => (row instanceof Damaged ? [[row.row.position, row.reason]] : [])));
  const [callers, sessions] = [await callersOf(tx, rows), await sessionsOf(tx, rows)];
  const changes = rows
    .filter(({ kind }) => !internal.has(kind))
    .map((row): Change => {
      const { client = null, pid = null, request_id: requestId = null } = callers.get(row.request) ?? {};
      const reason = damage.get(row.position);
      return {
        position: revisionOf(context, row.position),
        tx: revisionOf(context, row.request),
        at: isoTime(row.at),
        app: row.app,
        kind: row.kind,
        id: row.id,
        op: row.op,
        session: sessions.get(row.branch ?? 0) ?? null,
        seq: row.seq,
        client,
        pid,
        requestId,
        ...(reason !== undefined && { damaged: { reason } }),
      };
    });
  return { changes, next: revisionOf(context, rows.at(-1)?.position ?? from) };
}

/** The position that a reader names; one of another store, or whose successors are gone, is refused by name. */
async function positionOf(tx: Tx, after: string, head: number, context: Context): Promise<number> {
  const floor = Number((await readMeta(tx, 'floor')) ?? 0);
  if (after === '0') return floor;
  const [, epoch, digits] = /^(\w{1,40})\.(\d{1,15})$/.exec(after) ?? [];
  const position = Number(digits);
  if (epoch === undefined || (epoch === context.epoch && position > head)) {
    throw invalidField('after', "must be the position of a change that was answered before, or '0'");
  }
  if (epoch !== context.epoch) {
    throw new HoldfastError(
      'reset',
      'The store was restored or created anew since this position: read the records anew.',
    );
  }
  if (position >= floor) return position;
  throw new HoldfastError(
    'compacted',
    "The changes after this position are no longer kept: read the records anew, then the changes after 'floor'.",
    { floor: revisionOf(context, floor) },
  );
}

/** Who made the calls that rows belong to: the first row of a call says it. */
async function callersOf(tx: Tx, rows: LogRow[]): Promise<Map<number, LogRow>> {
  const callers = new Map(rows.map((row) => [row.position, row]));
  for (const request of new Set(rows.map((row) => row.request))) {
    if (callers.has(request)) continue;
    // One that cannot be read is no reason to hide what can.
    const [row] = await readAround(request, request, (at) => tx.select(log, 'WHERE position = ?', at));
    if (row && !(row instanceof Damaged)) callers.set(request, row);
  }
  return callers;
}

/** The ids of the sessions whose branches messages lie in. */
async function sessionsOf(tx: Tx, rows: LogRow[]): Promise<Map<number, string>> {
  const branches = [...new Set(rows.flatMap(({ branch }) => (branch === null ? [] : [branch])))];
  const sql = `SELECT branch, id FROM branch JOIN session USING (session_no) WHERE branch IN (${branches.map(() => '?').join()})`;
  const found = branches.length > 0 ? await tx.query(sql, ...branches) : [];
  return new Map(found.map(([branch, id]) => [Number(branch), String(id)]));
}
