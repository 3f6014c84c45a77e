import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { Damaged, isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';
import { findMessages } from './branches.ts';
import { forWriting } from './guards.ts';
import { putHead } from './save.ts';

/** What became of a message that a session sent somewhere, by the id of the message. */
export interface DeliveryRow {
  session_no: number;
  id: string;
  delivery: string;
  reason: string | null;
  at: number;
}
export const delivery = table<DeliveryRow>('delivery', ['session_no', 'id'], ['delivery', 'reason', 'at']);

/** Changes the delivery of one message. A fork shares messages and not what became of them: it may send them again. */
export async function setDelivery(tx: Tx, input: InputOf<typeof sessions.setDelivery>, context: Context) {
  const before = await forWriting(tx, input, context);
  const message = (await findMessages(tx, before, [input.messageId])).get(input.messageId);
  if (!message) throw new HoldfastError('not_found', `There is no message '${input.messageId}' in this session.`);
  // A damaged one is replaced like any other.
  const [found] = await tx.select(delivery, 'WHERE session_no = ? AND id = ?', before.session_no, message.id);
  const previous = found instanceof Damaged ? undefined : found;
  const row = {
    session_no: before.session_no,
    id: message.id,
    delivery: input.delivery,
    reason: input.reason ?? null,
    at: context.at,
  };
  const changed = previous?.delivery !== row.delivery || previous.reason !== row.reason;
  const position = changed ? await tx.change({ kind: 'delivery', id: message.id }) : before.position;
  if (changed) {
    if (previous) await tx.keep(position, 'delivery', message.id, previous);
    await tx.put(delivery, row);
  }
  const head = await putHead(tx, before, { ...before, position }, context);
  return {
    id: message.id,
    seq: message.seq,
    delivery: input.delivery,
    reason: row.reason,
    at: isoTime(changed ? row.at : (previous?.at ?? row.at)),
    revision: revisionOf(context, head.position),
  };
}
