import { log, type LogRow } from '../../log.ts';
import { Damaged, isoTime, type Tx, type Value } from '../../tx.ts';
import { segmentsOf } from './branches.ts';
import { delivery } from './delivery.ts';

export type StoredMessage = LogRow | Damaged<LogRow> | undefined;
type Place = { branch: number; base: number };

/** The stored messages `from` to `to` of a session; a seq that is not in the answer has lost its row. */
export async function readMessages(tx: Tx, head: Place, from: number, to: number): Promise<Map<number, StoredMessage>> {
  const found = new Map<number, StoredMessage>();
  for (const part of await segmentsOf(tx, head, from, to)) {
    const tail = 'WHERE branch = ? AND seq BETWEEN ? AND ?';
    for (const row of await tx.select(log, tail, part.branch, part.from, part.to)) {
      found.set(Number((row instanceof Damaged ? row.row : row).seq), row);
    }
  }
  return found;
}

/** Bytes of the content of the messages `from` to `to`, by seq. */
export async function readSizes(tx: Tx, head: Place, from: number, to: number): Promise<Map<number, number>> {
  return new Map(
    (await columnOf(tx, head, from, to, 'octet_length(content)')).map(([seq, size]) => [seq, Number(size)]),
  );
}

/** The ids of the messages `from` to `to`. */
export async function readIds(tx: Tx, head: Place, from: number, to: number): Promise<[number, string][]> {
  return (await columnOf(tx, head, from, to, 'id')).map(([seq, id]) => [seq, String(id)]);
}

async function columnOf(tx: Tx, head: Place, from: number, to: number, column: string): Promise<[number, Value][]> {
  const found: [number, Value][] = [];
  for (const part of await segmentsOf(tx, head, from, to)) {
    const sql = `SELECT seq, ${column} FROM log WHERE branch = ? AND seq BETWEEN ? AND ? ORDER BY seq`;
    for (const [seq, value] of await tx.query(sql, part.branch, part.from, part.to))
      found.push([Number(seq), value ?? null]);
  }
  return found;
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
  const sizeOf = new Map<number, number>();
  const parts = await segmentsOf(tx, head, from, to);
  for (const part of ascending ? parts : parts.toReversed()) {
    if (sizeOf.size > limit) break;
    const sizes = await tx.query(
      `SELECT seq, octet_length(content) FROM log WHERE branch = ? AND seq BETWEEN ? AND ?
       ${role === undefined ? '' : 'AND role = ?'} ORDER BY seq ${ascending ? 'ASC' : 'DESC'} LIMIT ?`,
      part.branch,
      part.from,
      part.to,
      ...(role === undefined ? [] : [role]),
      limit + 1,
    );
    for (const [seq, size] of sizes) sizeOf.set(Number(seq), Number(size));
  }
  const all = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => (ascending ? from + index : to - index));
  // A seq without a row is a message that was lost: it keeps its place, to be told.
  const candidates = role === undefined ? all : [...sizeOf.keys()];
  let sum = 0;
  const over = candidates.findIndex((seq, index) => (sum += sizeOf.get(seq) ?? 0) > bytes && index > 0);
  const seqs = candidates.slice(0, Math.min(limit, over === -1 ? limit : over));
  return { seqs, complete: seqs.length === candidates.length };
}

/** The stored messages of these seq. */
export async function readPicked(tx: Tx, head: Place, seqs: number[]): Promise<Map<number, StoredMessage>> {
  if (seqs.length === 0) return new Map();
  const found = new Map<number, StoredMessage>();
  const wanted = JSON.stringify(seqs);
  const [first, last] = [seqs[0] ?? 0, seqs.at(-1) ?? 0];
  for (const part of await segmentsOf(tx, head, Math.min(first, last), Math.max(first, last))) {
    const tail = 'WHERE branch = ? AND seq BETWEEN ? AND ? AND seq IN (SELECT value FROM json_each(?))';
    for (const row of await tx.select(log, tail, part.branch, part.from, part.to, wanted)) {
      found.set(Number((row instanceof Damaged ? row.row : row).seq), row);
    }
  }
  return found;
}

/** A message as JSON text: its content goes out as it was stored. */
export function messageText(seq: number, row: StoredMessage): string {
  if (row === undefined) return `{"seq":${seq},"damaged":{"reason":"its row is missing"}}`;
  const { id, content } = row instanceof Damaged ? row.row : row;
  const ours = `{"id":${JSON.stringify(id)},"seq":${seq}`;
  if (row instanceof Damaged) return `${ours},"damaged":{"reason":${JSON.stringify(row.reason)}}}`;
  return content === null || content === '{}' ? `${ours}}` : `${ours},${content.slice(1)}`;
}

export const isDamaged = (row: StoredMessage) => row === undefined || row instanceof Damaged;

/** What became of those of these messages that the session sent somewhere. */
export async function deliveriesOf(tx: Tx, sessionNo: number, rows: Map<number, StoredMessage>) {
  const seqOf = new Map<number, number>();
  for (const [seq, row] of rows) {
    if (row) seqOf.set((row instanceof Damaged ? row.row : row).position, seq);
  }
  const positions = JSON.stringify([...seqOf.keys()]);
  const tail = 'WHERE session_no = ? AND position IN (SELECT value FROM json_each(?)) ORDER BY position';
  return (await tx.select(delivery, tail, sessionNo, positions)).map((row) => {
    const seq = seqOf.get((row instanceof Damaged ? row.row : row).position) ?? 0;
    if (row instanceof Damaged) return { seq, damaged: { reason: row.reason } };
    return { seq, delivery: row.delivery as 'pending' | 'sent' | 'failed', reason: row.reason, at: isoTime(row.at) };
  });
}
