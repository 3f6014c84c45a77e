import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import type { Context, Tx } from '../../tx.ts';
import { guardErased, guardGeneration } from './guards.ts';
import { deliveriesOf, isDamaged, messageText, pickMessages, readPicked, type StoredMessage } from './read.ts';
import { findHead, sessionNumber, type HeadRow } from './rows.ts';

/** What one read transaction of a stream takes at most: rows, and bytes of their content. */
const slice = { limit: 256, bytes: 64 * 1024 };

export interface Slice {
  seqs: number[];
  rows: Map<number, StoredMessage>;
  deliveries: Awaited<ReturnType<typeof deliveriesOf>>;
}

/**
 * The messages from `low` to `high` in slices. The engine runs each step in a read transaction of its own, so no
 * snapshot outlives it; what is read stays the same, because rows never change and the place in the branches is kept.
 */
export async function* slices(tx: Tx, head: HeadRow, low: number, high: number, role?: string): AsyncGenerator<Slice> {
  for (let from = low; from <= high;) {
    const to = Math.min(high, from + slice.limit - 1);
    await guardErased(tx, head);
    const { seqs, complete } = await pickMessages(tx, head, { from, to, ascending: true, role, ...slice });
    const rows = await readPicked(tx, head, seqs);
    yield { seqs, rows, deliveries: await deliveriesOf(tx, head.session_no, rows) };
    from = (complete ? to : (seqs.at(-1) ?? to)) + 1;
  }
}

/** The lines of a slice, each with its newline. */
export function linesOf({ seqs, rows, deliveries }: Slice): string {
  const bySeq = new Map(deliveries.map((one) => [one.seq, one]));
  const lines = seqs.flatMap((seq) => {
    const one = bySeq.get(seq);
    return [messageText(seq, rows.get(seq)), ...(one ? [JSON.stringify({ delivery: one })] : [])];
  });
  return lines.map((line) => `${line}\n`).join('');
}

export const damagedIn = ({ seqs, rows, deliveries }: Slice) =>
  seqs.filter((seq) => isDamaged(rows.get(seq))).length + deliveries.filter((one) => 'damaged' in one).length;

/** All messages of a session up to its head at the start, as NDJSON. */
export async function* stream(tx: Tx, input: InputOf<typeof sessions.stream>, _context: Context) {
  const head = await findHead(tx, await sessionNumber(tx, input.app, input.id), input.id);
  guardGeneration(head, input.expectedGeneration);
  const low = (input.after ?? 0) + 1;
  const high = Math.min(head.head, (input.before ?? head.head + 1) - 1);
  let damagedCount = 0;
  for await (const part of slices(tx, head, low, high, input.role)) {
    damagedCount += damagedIn(part);
    yield linesOf(part);
  }
  yield `${JSON.stringify({ end: { head: head.head, generation: head.generation, damagedCount } })}\n`;
}
