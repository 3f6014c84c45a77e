import { invalidField } from '../../../../shared/errors.ts';
import { maxDocument, mergePatch, type Json } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import type { Context, Tx } from '../../tx.ts';
import { toSession } from './answer.ts';
import { forWriting, guardRevision } from './guards.ts';
import { findRow } from './rows.ts';
import { putHead, putRow } from './save.ts';

/** Changes what the patch names. What is as the patch wants it already is no change. */
export async function update(tx: Tx, input: InputOf<typeof sessions.update>, context: Context) {
  const before = await forWriting(tx, input, context);
  guardRevision(before, input.expectedRevision, context);
  const row = await findRow(tx, before.session_no, input.id);
  const { title, model, workingDirectory, status, metadata } = input.patch;
  const merged = metadata === undefined ? undefined : mergePatch(JSON.parse(row.metadata) as Json, metadata);
  const text = merged === undefined ? row.metadata : JSON.stringify(merged ?? {});
  if (text.length > maxDocument) {
    throw invalidField('patch.metadata', `must not make the metadata exceed ${maxDocument} characters`);
  }
  const saved = {
    ...row,
    title: title === undefined ? row.title : title,
    model: model === undefined ? row.model : model,
    working_directory: workingDirectory === undefined ? row.working_directory : workingDirectory,
    status: status ?? row.status,
    metadata: text,
  };
  const next = { ...before };
  await putRow(tx, before, next, row, saved);
  return toSession(tx, saved, await putHead(tx, before, next, context), context);
}
