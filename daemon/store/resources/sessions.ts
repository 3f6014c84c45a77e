import type { InputOf } from '../../../shared/operation.ts';
import type * as sessions from '../../../shared/resources/sessions.ts';
import type { Context, Tx } from '../tx.ts';
import { toSession } from './sessions/answer.ts';
import { findHead, findRow, sessionNumber } from './sessions/rows.ts';

export { append } from './sessions/append.ts';
export { create } from './sessions/create.ts';
export { setDelivery } from './sessions/delivery.ts';
export { exportMessages as export } from './sessions/export.ts';
export { abandon, resolve, resumable } from './sessions/find.ts';
export { fork } from './sessions/fork.ts';
export { list } from './sessions/list.ts';
export { messages } from './sessions/messages.ts';
export { remove as delete, restore } from './sessions/remove.ts';
export { replace } from './sessions/replace.ts';
export { stream } from './sessions/stream.ts';
export { sweep } from './sessions/sweep.ts';
export { update } from './sessions/update.ts';

const all = 'FROM session WHERE app = ? AND deleted_at IS NULL';
export const scans = { list: all, resumable: all };

export async function get(tx: Tx, input: InputOf<typeof sessions.get>, context: Context) {
  const number = await sessionNumber(tx, input.app, input.id);
  return toSession(tx, await findRow(tx, number, input.id), await findHead(tx, number, input.id), context);
}
