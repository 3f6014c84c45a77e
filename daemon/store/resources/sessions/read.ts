import { readAround } from '../../damage.ts';
import { log, type LogRow } from '../../log.ts';
import { within } from '../../page.ts';
import { Damaged, isoTime, type Tx, type Value } from '../../tx.ts';
import { segmentsOf } from './branches.ts';
import { delivery } from './delivery.ts';

/** undefined for a row that is missing or cannot be read. */
export type StoredMessage = LogRow | Damaged<LogRow> | undefined;
type Place = { branch: number; base: number };

/** Reads the messages `from` to `to` wherever they lie, branch by branch, around rows that cannot be read. */
async function readParts<T>(
  tx: Tx,
  head: Place,
  [from, to]: [number, number],
  read: (branch: number, low: number, high: number) => Promise<T[]>,
  lost?: (seq: number) => void,
): Promise<T[]> {
  const found: T[] = [];
  for (const part of await segmentsOf(tx, head, from, to)) {
    found.push(...(await readAround(part.from, part.to, (low, high) => read(part.branch, low, high), lost)));
  }
  return found;
}

const bySeq = (rows: (LogRow | Damaged<LogRow>)[]) =>
  new Map<number, StoredMessage>(rows.map((row) => [Number((row instanceof Damaged ? row.row : row).seq), row]));

/** The stored messages `from` to `to` of a session, by seq. */
export async function readMessages(tx: Tx, head: Place, from: number, to: number): Promise<Map<number, StoredMessage>> {
  const where = 'WHERE branch = ? AND seq BETWEEN ? AND ?';
  return bySeq(await readParts(tx, head, [from, to], (...range) => tx.select(log, where, ...range)));
}

/** Bytes of the content of the messages `from` to `to`, by seq. */
export async function readSizes(tx: Tx, head: Place, from: number, to: number): Promise<Map<number, number>> {
  const sizes = await readColumn(tx, head, from, to, 'octet_length(content)');
  return new Map(sizes.map(([seq, size]) => [seq, Number(size)]));
}

/** The ids of the messages `from` to `to`. */
export async function readIds(tx: Tx, head: Place, from: number, to: number): Promise<[number, string][]> {
  return (await readColumn(tx, head, from, to, 'id')).map(([seq, id]) => [seq, String(id)]);
}

async function readColumn(tx: Tx, head: Place, from: number, to: number, column: string): Promise<[number, Value][]> {
  const sql = `SELECT seq, ${column} FROM log WHERE branch = ? AND seq BETWEEN ? AND ? ORDER BY seq`;
  const rows = await readParts(tx, head, [from, to], (...range) => tx.query(sql, ...range));
  return rows.map(([seq, value]) => [Number(seq), value ?? null]);
}

export interface Wanted {
  from: number;
  to: number;
  ascending: boolean;
  limit: number;
  /** Bytes of content after which no further message is taken. */
  bytes: number;
  role: string | undefined;
}

/** Which messages make a page, and whether that is all there are. Sizes are read without touching the content itself. */
export async function pickMessages(
  tx: Tx,
  head: Place,
  wanted: Wanted,
): Promise<{ seqs: number[]; complete: boolean }> {
  const { from, to, ascending, limit, bytes, role } = wanted;
  const sql = `SELECT seq, octet_length(content) FROM log WHERE branch = ? AND seq BETWEEN ? AND ?
    ${role === undefined ? '' : 'AND role = ?'} ORDER BY seq ${ascending ? 'ASC' : 'DESC'} LIMIT ?`;
  const rest = [...(role === undefined ? [] : [role]), limit + 1];
  const sizeOf = new Map<number, number>();
  // One that cannot be read may be of any role.
  const lost = (seq: number) => void sizeOf.set(seq, 0);
  const sizes = await readParts(tx, head, [from, to], (...range) => tx.query(sql, ...range, ...rest), lost);
  for (const [seq, size] of sizes) sizeOf.set(Number(seq), Number(size));
  const direction = ascending ? 1 : -1;
  // A seq without a row is a message that was lost: it keeps its place, to be told.
  const candidates =
    role === undefined
      ? Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => (ascending ? from + index : to - index))
      : [...sizeOf.keys()].toSorted((a, b) => (a - b) * direction).slice(0, limit + 1);
  const fitting = candidates.map((seq) => sizeOf.get(seq) ?? 0);
  const seqs = candidates.slice(0, Math.min(limit, within(fitting, bytes)));
  return { seqs, complete: seqs.length === candidates.length };
}

/** The stored messages of these seq. */
export async function readPicked(tx: Tx, head: Place, seqs: number[]): Promise<Map<number, StoredMessage>> {
  if (seqs.length === 0) return new Map();
  const where = 'WHERE branch = ? AND seq IN (SELECT value FROM json_each(?))';
  const range: [number, number] = [Math.min(...seqs), Math.max(...seqs)];
  // Each part is asked for its own: in a long chain of branches there are as many parts as messages.
  const read = (part: number, low: number, high: number) => {
    const wanted = seqs.filter((seq) => seq >= low && seq <= high);
    return wanted.length === 0 ? Promise.resolve([]) : tx.select(log, where, part, JSON.stringify(wanted));
  };
  return bySeq(await readParts(tx, head, range, read));
}

/** A message as JSON text: its content goes out as it was stored. */
export function messageText(seq: number, row: StoredMessage): string {
  if (row === undefined) return `{"seq":${seq},"damaged":{"reason":"its row is missing or cannot be read"}}`;
  const { id, content } = row instanceof Damaged ? row.row : row;
  const ours = `{"id":${JSON.stringify(id)},"seq":${seq}`;
  if (row instanceof Damaged) return `${ours},"damaged":{"reason":${JSON.stringify(row.reason)}}}`;
  return content === null || content === '{}' ? `${ours}}` : `${ours},${content.slice(1)}`;
}

export const isDamaged = (row: StoredMessage) => row === undefined || row instanceof Damaged;

/** What became of those of these messages that the session sent somewhere. */
export function deliveriesOf(tx: Tx, sessionNo: number, rows: Map<number, StoredMessage>) {
  const ids = [...rows].flatMap(([seq, row]): [number, string][] =>
    row ? [[seq, (row instanceof Damaged ? row.row : row).id]] : [],
  );
  return deliveriesById(tx, sessionNo, ids);
}

export async function deliveriesById(tx: Tx, sessionNo: number, ids: [number, string][]) {
  const seqOf = new Map(ids.map(([seq, id]) => [id, seq]));
  const where = 'WHERE session_no = ? AND id IN (SELECT value FROM json_each(?))';
  const found = await tx.select(delivery, where, sessionNo, JSON.stringify([...seqOf.keys()]));
  const deliveries = found.map((row) => {
    const seq = seqOf.get((row instanceof Damaged ? row.row : row).id) ?? 0;
    if (row instanceof Damaged) return { seq, damaged: { reason: row.reason } };
    return { seq, delivery: row.delivery as 'pending' | 'sent' | 'failed', reason: row.reason, at: isoTime(row.at) };
  });
  return deliveries.toSorted((a, b) => a.seq - b.seq);
}
