import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import { toSession } from './answer.ts';
import { forWriting, guardRevision, lease } from './guards.ts';
import { erased, findHead, findRow, findSession, session, sessionHead, sessionNumber, taken } from './rows.ts';

/** Marks a session deleted. Its rows stay until sweep.ts removes them; a lease ends with it. */
export async function remove(tx: Tx, input: InputOf<typeof sessions.delete>, context: Context) {
  const live = await findSession(tx, input.app, input.id);
  if (live === undefined && input.erase) return eraseDeleted(tx, input, context);
  const head = await forWriting(tx, input, context);
  guardRevision(head, input.expectedRevision, context);
  const row = await findRow(tx, head.session_no, input.id);
  const position = await tx.change({ kind: 'session', id: input.id });
  if (!input.erase) await tx.keep(position, 'session', input.id, row);
  await tx.put(session, { ...row, deleted_at: input.erase ? erased : context.at });
  await tx.put(sessionHead, { ...head, position, lease: 0, lease_until: 0 });
  await tx.delete(lease, { session_no: head.session_no });
  if (input.erase) await eraseAll(tx, await deletedOf(tx, input.app, input.id));
  return { id: input.id, revision: revisionOf(context, position) };
}

/** Every session of this id that was deleted and could be restored. */
async function eraseDeleted(tx: Tx, input: InputOf<typeof sessions.delete>, context: Context) {
  const numbers = await deletedOf(tx, input.app, input.id);
  // Says that there is none.
  if (numbers.length === 0) await sessionNumber(tx, input.app, input.id);
  guardRevision(undefined, input.expectedRevision, context);
  const position = await tx.change({ kind: 'session', id: input.id });
  const sound = await eraseAll(tx, numbers);
  if (sound === 0) {
    const detail = `The deleted session '${input.id}' is damaged, so it was not erased: run 'holdfast doctor'.`;
    throw new HoldfastError('damaged', detail);
  }
  return { id: input.id, revision: revisionOf(context, position) };
}

/** Answers how many it could. */
async function eraseAll(tx: Tx, numbers: number[]): Promise<number> {
  let done = 0;
  for (const number of numbers) {
    const [row] = await tx.select(session, 'WHERE session_no = ?', number);
    // A damaged one stays, and stays in the list of those deleted.
    if (!row || row instanceof Damaged) continue;
    await tx.put(session, { ...row, deleted_at: erased });
    done += 1;
  }
  return done;
}

/** Numbers of the sessions of this id that can be restored, the one deleted last first. */
async function deletedOf(tx: Tx, app: string, id: string): Promise<number[]> {
  const rows = await tx.query(
    `SELECT session_no FROM session WHERE app = ? AND id = ? AND deleted_at > ?
     ORDER BY deleted_at DESC, session_no DESC`,
    app,
    id,
    erased,
  );
  return rows.map(([number]) => Number(number));
}

/** Takes the newest deletion of an id back. */
export async function restore(tx: Tx, input: InputOf<typeof sessions.restore>, context: Context) {
  const live = await findSession(tx, input.app, input.id);
  if (live !== undefined) throw await taken(tx, live, input.id, context);
  const [number] = await deletedOf(tx, input.app, input.id);
  if (number === undefined) {
    throw new HoldfastError('not_found', `There is no deleted session '${input.id}' that can be restored.`);
  }
  const row = { ...(await findRow(tx, number, input.id)), deleted_at: null };
  const position = await tx.change({ kind: 'session', id: input.id });
  const head = { ...(await findHead(tx, number, input.id)), position, updated_at: context.at };
  await tx.put(session, row);
  await tx.put(sessionHead, head);
  return toSession(tx, row, head, context);
}
