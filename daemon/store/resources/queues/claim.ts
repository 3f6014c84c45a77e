import type { InputOf } from '../../../../shared/operation.ts';
import type * as queues from '../../../../shared/resources/queues.ts';
import { revisionOf, type Context, type Tx } from '../../tx.ts';
import { Wait } from '../../wait.ts';
import { admit, free, take } from '../claims.ts';
import { called, exhausted, existing, message, save, toMessage, type MessageRow } from './rows.ts';

export async function claim(tx: Tx, input: InputOf<typeof queues.claim>, context: Context) {
  const { app, queue, group, maxAttempts } = input;
  const taken = await take<MessageRow>(tx, input, context, {
    table: message,
    kind: 'queue',
    id: 'id',
    where: `app = ? AND queue = ? AND NOT (${exhausted})${group === undefined ? '' : ' AND group_name = ?'}`,
    parameters: group === undefined ? [app, queue] : [app, queue, group],
    called,
    changes: maxAttempts === undefined ? {} : { max_attempts: maxAttempts },
  });
  if (taken instanceof Wait) return taken;
  const items = taken.rows.map((row) => ({ ...toMessage(row, context), claim: context.tokenOf(row.claim) }));
  return { items, damaged: taken.damaged };
}

export async function ack(tx: Tx, input: InputOf<typeof queues.ack>, context: Context) {
  const row = await existing(tx, input, context);
  admit(row, input.claim, context, `message '${row.id}'`);
  const position = await tx.change({ kind: 'queue', id: called(row) });
  await tx.delete(message, row);
  return { id: row.id, revision: revisionOf(context, position) };
}

export async function nack(tx: Tx, input: InputOf<typeof queues.nack>, context: Context) {
  const row = await existing(tx, input, context);
  admit(row, input.claim, context, `message '${row.id}'`);
  const given = { ...row, ...free(input.delayMs ?? 0, context.at), reason: input.reason ?? null };
  return toMessage(await save(tx, given, context), context);
}
