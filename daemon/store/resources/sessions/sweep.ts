import { HoldfastError } from '../../../../shared/errors.ts';
import { log } from '../../log.ts';
import { Damaged, type Tx } from '../../tx.ts';
import { draft } from '../drafts.ts';
import { branch, findBranch, type BranchRow } from './branches.ts';
import { delivery } from './delivery.ts';
import { lease } from './guards.ts';
import { session, sessionHead } from './rows.ts';

/** How long a deleted session can be restored, and how long messages that a replace took away stay, in milliseconds. */
export const keptFor = 30 * 24 * 3_600_000;
/** Rows that one call removes at most, so that no writer waits long. */
const slice = 1000;
/** Characters of metadata that count as a row. */
const rowCharacters = 16 * 1024;
/** How long it is believed that no branch is damaged, in milliseconds: looking at 100,000 holds up the writer. */
const soundFor = 60_000;
const lookedAt = new WeakMap<Tx, number>();

/**
 * Removes for good what no session refers to any more, a slice at a time; answers whether there may be more.
 *
 * Invariant: a message goes only when its branch is nobody's own and no branch begins after it, so forks stay whole.
 */
export async function sweep(tx: Tx, at: number): Promise<boolean> {
  let left = slice;
  const gone = await tx.query(
    'SELECT session_no FROM session WHERE deleted_at IS NOT NULL AND deleted_at <= ? LIMIT ?',
    at - keptFor,
    slice,
  );
  for (const [number] of gone) {
    // One at a time: together their metadata may be a gigabyte.
    const [row] = sound(await tx.select(session, 'WHERE session_no = ?', Number(number)));
    if (row) left -= (await removeSession(tx, row.session_no, at)) + Math.ceil(row.metadata.length / rowCharacters);
    if (left <= 0) break;
  }
  if (left < slice) return true;
  const due = sound(await tx.select(branch, 'WHERE sweep_at <= ? ORDER BY sweep_at LIMIT ?', at, slice));
  if (due.length > 0 && Math.abs(at - (lookedAt.get(tx) ?? -Infinity)) > soundFor) {
    await refuseIfDamaged(tx);
    lookedAt.set(tx, at);
  }
  for (const row of due) {
    const removed = await sweepBranch(tx, row, at, left);
    left -= removed ?? 0;
    if (left <= 0) break;
  }
  return left < slice;
}

/** What a damaged row refers to cannot be known, so nothing is removed on its word. */
const sound = <R>(rows: (R | Damaged<R>)[]): R[] => rows.filter((row): row is R => !(row instanceof Damaged));

const branchesAfter = (tx: Tx, last: number) =>
  tx.select(branch, 'WHERE branch > ? ORDER BY branch LIMIT ?', last, slice);

/** A branch whose row is damaged may need any other. */
async function refuseIfDamaged(tx: Tx): Promise<void> {
  for (let last: number | undefined = Number.MIN_SAFE_INTEGER; last !== undefined;) {
    const rows = await branchesAfter(tx, last);
    const damaged = rows.find((row) => row instanceof Damaged);
    if (damaged) throw new HoldfastError('damaged', `Branch ${damaged.row.branch} is damaged: nothing is removed.`);
    last = sound(rows).at(-1)?.branch;
  }
}

/** Removes a session, or as much of it as one call may; answers how many rows that were. */
async function removeSession(tx: Tx, number: number, at: number): Promise<number> {
  const sent = await tx.query('SELECT id FROM delivery WHERE session_no = ? LIMIT ?', number, slice);
  for (const [id] of sent) await tx.delete(delivery, { session_no: number, id: String(id) });
  if (sent.length === slice) return slice;
  const own = sound(await tx.select(branch, 'WHERE session_no = ?', number));
  for (const row of own) await tx.put(branch, { ...row, sweep_at: at });
  await tx.delete(session, { session_no: number });
  await tx.delete(sessionHead, { session_no: number });
  await tx.delete(lease, { session_no: number });
  await tx.delete(draft, { session_no: number });
  return sent.length + own.length + 1;
}

/**
 * Removes up to `most` rows of a branch that come after all that others share of it, and the branch itself when nobody
 * does. Answers how much it did, undefined when a damaged row stands in the way.
 */
async function sweepBranch(tx: Tx, row: BranchRow, at: number, most: number): Promise<number | undefined> {
  const [owner] = await tx.select(sessionHead, 'WHERE session_no = ?', row.session_no);
  if (owner instanceof Damaged) return undefined;
  if (owner?.branch === row.branch) {
    await tx.put(branch, { ...row, sweep_at: null });
    return 1;
  }
  const [[shared] = []] = await tx.query('SELECT max(base) FROM branch WHERE parent = ?', row.branch);
  const last = typeof shared === 'number' ? shared : null;
  const rows = await tx.query(
    'SELECT position FROM log WHERE branch = ? AND seq > ? ORDER BY seq DESC LIMIT ?',
    row.branch,
    last ?? row.base,
    most,
  );
  for (const [position] of rows) await removeMessage(tx, Number(position), at);
  if (rows.length === most) return most;
  // Tells the search index to look which of the branch's messages are gone.
  await tx.change({ kind: 'branch', id: String(row.branch) });
  if (last !== null) await tx.put(branch, { ...row, sweep_at: null });
  else await removeBranch(tx, row, at);
  return rows.length + 1;
}

/** A message that carries the key of a call leaves the key and its answer, for the log to prune in its time. */
async function removeMessage(tx: Tx, position: number, at: number): Promise<void> {
  const [row] = await tx.select(log, 'WHERE position = ? AND key IS NOT NULL AND at > ?', position, at - keptFor);
  if (!row || row instanceof Damaged) await tx.delete(log, { position });
  else await tx.put(log, { ...row, kind: 'replay', branch: null, seq: null, role: null, content: null });
}

async function removeBranch(tx: Tx, row: BranchRow, at: number): Promise<void> {
  await tx.delete(branch, { branch: row.branch });
  if (row.parent === null) return;
  // It may have been the last that needed its parent.
  const parent = await findBranch(tx, row.parent);
  if (parent.sweep_at === null) await tx.put(branch, { ...parent, sweep_at: at });
}
