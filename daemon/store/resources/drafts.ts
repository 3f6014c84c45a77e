import { HoldfastError } from '../../../shared/errors.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as drafts from '../../../shared/resources/drafts.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../tx.ts';
import { forWriting } from './sessions/guards.ts';
import { sessionNumber } from './sessions/rows.ts';

/** The answer that a session is being given, as far as it is known. `text` is JSON text: it may end in half a character. */
export interface DraftRow {
  session_no: number;
  updated_at: number;
  position: number;
  metadata: string;
  text: string;
}
export const draft = table<DraftRow>('draft', ['session_no'], ['updated_at', 'position', 'metadata', 'text']);

export async function put(tx: Tx, input: InputOf<typeof drafts.put>, context: Context) {
  const head = await forWriting(tx, input, context);
  // Only whether there is one: a damaged draft is replaced like any other.
  const [existing] = await tx.query('SELECT 1 FROM draft WHERE session_no = ?', head.session_no);
  if (!existing) context.status = 201;
  const position = await tx.change({ kind: 'draft', id: input.id });
  await tx.put(draft, {
    session_no: head.session_no,
    updated_at: context.at,
    position,
    metadata: JSON.stringify(input.metadata ?? {}),
    text: JSON.stringify(input.text),
  });
  return { updatedAt: isoTime(context.at), revision: revisionOf(context, position) };
}

export async function get(tx: Tx, input: InputOf<typeof drafts.get>, context: Context) {
  const row = await tx.find(draft, { session_no: await sessionNumber(tx, input.app, input.id) }, input.id);
  if (!row) throw new HoldfastError('not_found', `Session '${input.id}' has no draft.`);
  return {
    text: JSON.parse(row.text) as string,
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    updatedAt: isoTime(row.updated_at),
    revision: revisionOf(context, row.position),
  };
}

async function remove(tx: Tx, input: InputOf<typeof drafts.delete>, context: Context) {
  const head = await forWriting(tx, input, context);
  const position = await dropDraft(tx, head.session_no, input.id);
  if (position === undefined) throw new HoldfastError('not_found', `Session '${input.id}' has no draft.`);
  return { id: input.id, revision: revisionOf(context, position) };
}
export { remove as delete };

/** Deletes the draft; answers the position of that change, undefined when there was none. */
export async function dropDraft(tx: Tx, sessionNo: number, id: string): Promise<number | undefined> {
  const [existing] = await tx.query('SELECT 1 FROM draft WHERE session_no = ?', sessionNo);
  if (!existing) return undefined;
  const position = await tx.change({ kind: 'draft', id });
  await tx.delete(draft, { session_no: sessionNo });
  return position;
}
