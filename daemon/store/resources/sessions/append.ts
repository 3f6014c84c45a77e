import { HoldfastError } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { dropDraft } from '../drafts.ts';
import { revisionOf, type Context, type Tx } from '../../tx.ts';
import { forWriting, guardGeneration } from './guards.ts';
import { findRow, session, type HeadRow } from './rows.ts';
import { putHead } from './save.ts';
import { addUsage, writeMessages } from './write.ts';

type Input = InputOf<typeof sessions.append>;

/**
 * Appends to the end of a session at a cost that does not depend on its length: log rows, one narrow head row, and
 * the wide session row only when the status changes or the preview appears.
 */
export async function append(tx: Tx, input: Input, context: Context) {
  const before = await forWriting(tx, input, context);
  guardGeneration(before, input.expectedGeneration ?? (input.expectedHead === undefined ? undefined : 0));
  if (input.expectedHead !== undefined && input.expectedHead !== before.head) {
    const detail = `The session's head is ${before.head}, not ${input.expectedHead}: read on first.`;
    throw new HoldfastError('stale', detail, { current: before.head });
  }
  const next = { ...before };
  const options = { known: 'replay', first: 0, delivery: input.delivery } as const;
  const { answers, preview } = await writeMessages(tx, next, input.messages, context, options);
  // If all of it was here already, the messages are a replay, and their cost was counted then.
  if (next.head !== before.head) addUsage(next, input.usage);
  await updateSession(tx, next, input, preview);
  if (input.clearDraft === true) await dropDraft(tx, next.session_no, input.id);
  const { head, generation, position } = await putHead(tx, before, next, context);
  return { head, generation, revision: revisionOf(context, position), messages: answers };
}

async function updateSession(tx: Tx, head: HeadRow, input: Input, preview: string | undefined): Promise<void> {
  if (input.status === undefined && preview === undefined) return;
  const row = await findRow(tx, head.session_no, input.id);
  const status = input.status ?? row.status;
  if (status !== row.status) {
    head.position = await tx.change({ kind: 'session', id: row.id });
    await tx.keep(head.position, 'session', row.id, row);
  }
  if (status !== row.status || preview !== undefined) {
    await tx.put(session, { ...row, status, preview: preview ?? row.preview });
  }
}
