import { invalidField } from '../../../../shared/errors.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { uuidv7 } from '../../../../shared/uuid.ts';
import type { Context, Tx } from '../../tx.ts';
import { toSummary } from './answer.ts';
import { startBranch } from './branches.ts';
import { guardGeneration } from './guards.ts';
import { findHead, findRow, findSession, newHead, session, sessionHead, sessionNumber, taken } from './rows.ts';

/**
 * A new session whose branch begins after the parent's messages up to `upTo`: no message is copied, and both go on
 * apart. Tokens and cost begin at zero, so that sums over sessions count each message once.
 */
export async function fork(tx: Tx, input: InputOf<typeof sessions.fork>, context: Context) {
  const parentNo = await sessionNumber(tx, input.app, input.id);
  const parent = await findHead(tx, parentNo, input.id);
  guardGeneration(parent, input.expectedGeneration);
  const upTo = input.upTo ?? parent.head;
  if (upTo > parent.head) throw invalidField('upTo', `must be at most ${parent.head}, the session's newest seq`);
  const id = input.to ?? uuidv7();
  const existing = await findSession(tx, input.app, id);
  if (existing !== undefined) throw await taken(tx, existing, id, context);

  const like = await findRow(tx, parentNo, input.id);
  const position = await tx.change({ kind: 'session', id });
  const previewed = parent.previewed <= upTo ? parent.previewed : 0;
  const start = await startBranch(tx, position, position, parent, upTo);
  const head = { ...newHead(position, context), ...start, previewed };
  const row = {
    ...like,
    session_no: position,
    id,
    title: input.title ?? like.title,
    status: 'active',
    preview: previewed === 0 ? null : like.preview,
    forked_from: like.id,
    forked_at: upTo,
    created_at: context.at,
  };
  await tx.insert(session, row);
  await tx.insert(sessionHead, head);
  return toSummary(row, head, context);
}
