import { HoldfastError } from '../../../../shared/errors.ts';
import { log, type LogRow } from '../../log.ts';
import { Damaged, table, type Tx } from '../../tx.ts';
import type { HeadRow } from './rows.ts';

/**
 * A run of messages that sessions may share. Invariant: message rows never change, and a branch's parent and base
 * never do, so whoever refers to a message finds it as it was.
 *
 * A session's messages are those of its own branch, whose seq begins after `base`, and before them those of the
 * parent up to `base`, and so on. A fork is a new branch; so is a replace that changes messages. `session_no` is the
 * session that wrote it. `sweep_at` is when to look whether rows of it are needed no more: see sweep.ts.
 */
export interface BranchRow {
  branch: number;
  session_no: number;
  parent: number | null;
  base: number;
  sweep_at: number | null;
}
export const branch = table<BranchRow>('branch', ['branch'], ['session_no', 'parent', 'base', 'sweep_at']);

/** Messages of one branch, by seq. */
export interface Segment {
  branch: number;
  from: number;
  to: number;
}

export async function findBranch(tx: Tx, number: number): Promise<BranchRow> {
  const row = await tx.find(branch, { branch: number });
  if (!row) throw new HoldfastError('damaged', `The row of branch ${number} is missing from the database.`);
  return row;
}

type Link = { branch: number; base: number; parent?: number | null };

/** The branches that a head leads to, as far as they were looked up: a chain may be as long as the session. */
const chains = new WeakMap<object, Link[]>();

/** Where the messages `low` to `high` of a session lie, by seq. One without parent costs no look-up. */
export async function segmentsOf(
  tx: Tx,
  head: { branch: number; base: number },
  low: number,
  high: number,
): Promise<Segment[]> {
  const segments: Segment[] = [];
  const known = chains.get(head);
  const chain = known?.[0]?.branch === head.branch ? known : [{ branch: head.branch, base: head.base }];
  chains.set(head, chain);
  let current: Link = head;
  for (let to = high, depth = 1; to >= low; depth++) {
    if (to > current.base) {
      segments.push({ branch: current.branch, from: Math.max(low, current.base + 1), to });
      to = current.base;
    }
    if (to < low) break;
    current = chain[depth] ??= await findParent(tx, current);
  }
  return segments.toReversed();
}

async function findParent(tx: Tx, of: Link): Promise<Link> {
  const parent = of.parent ?? (await findBranch(tx, of.branch)).parent;
  if (parent === null) throw new HoldfastError('damaged', `Branch ${of.branch} has lost its parent.`);
  return findBranch(tx, parent);
}

/** A new branch of a session after the first `base` messages of `from`, and the head that begins with it. */
export async function startBranch(tx: Tx, number: number, sessionNo: number, from: HeadRow, base: number) {
  const [last] = base === 0 ? [] : await segmentsOf(tx, from, base, base);
  const row = { branch: number, session_no: sessionNo, parent: last?.branch ?? null, base, sweep_at: null };
  await tx.insert(branch, row);
  return { branch: number, base, head: base };
}

/** Messages of a session by their ids, wherever they lie; a damaged one is refused by name. */
export async function findMessages(
  tx: Tx,
  head: HeadRow,
  ids: string[],
): Promise<Map<string, LogRow & { seq: number }>> {
  const found = new Map<string, LogRow & { seq: number }>();
  for (const row of await selectMessages(tx, head, ids)) {
    if (row instanceof Damaged)
      throw new HoldfastError('damaged', `Message '${row.row.id}' is damaged: ${row.reason}.`);
    found.set(row.id, { ...row, seq: Number(row.seq) });
  }
  return found;
}

/** The same rows as they are. */
export async function selectMessages(tx: Tx, head: HeadRow, ids: string[]): Promise<(LogRow | Damaged<LogRow>)[]> {
  if (ids.length === 0) return [];
  const found: (LogRow | Damaged<LogRow>)[] = [];
  const tail = 'WHERE branch = ? AND id IN (SELECT value FROM json_each(?)) AND +seq <= ?';
  for (const part of await segmentsOf(tx, head, 1, head.head)) {
    found.push(...(await tx.select(log, tail, part.branch, JSON.stringify(ids), part.to)));
  }
  return found;
}
