import type { JsonObject } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { uuidv7 } from '../../../../shared/uuid.ts';
import type { Context, Tx } from '../../tx.ts';
import { toSession } from './answer.ts';
import { branch } from './branches.ts';
import { findSession, newHead, session, sessionHead, taken } from './rows.ts';
import { addUsage, writeMessages, type Usage } from './write.ts';

type Input = InputOf<typeof sessions.create>;

export async function create(tx: Tx, input: Input, context: Context) {
  const id = input.id ?? uuidv7();
  const existing = await findSession(tx, input.app, id);
  if (existing !== undefined) throw await taken(tx, existing, id, context);
  const { row, head } = await insertSession(tx, id, input, context);
  return toSession(tx, row, head, context);
}

/** Writes a new session of a free id, with the messages it begins with. */
export async function insertSession(
  tx: Tx,
  id: string,
  input: Omit<Input, 'id'> & { messages?: JsonObject[]; usage?: Usage | undefined },
  context: Context,
) {
  const position = await tx.change({ kind: 'session', id });
  const head = newHead(position, context);
  addUsage(head, input.usage);
  const messages = input.messages ?? [];
  const { preview } = await writeMessages(tx, head, messages, context, { known: 'refused', first: 0 });
  const row = {
    session_no: position,
    app: input.app,
    id,
    title: input.title ?? null,
    model: input.model ?? null,
    working_directory: input.workingDirectory ?? null,
    status: input.status ?? 'active',
    preview: preview ?? null,
    forked_from: null,
    forked_at: null,
    created_at: input.createdAt === undefined ? context.at : Date.parse(input.createdAt),
    deleted_at: null,
    metadata: JSON.stringify(input.metadata ?? {}),
  };
  await tx.insert(branch, { branch: position, session_no: position, parent: null, base: 0, sweep_at: null });
  await tx.insert(session, row);
  await tx.insert(sessionHead, head);
  return { row, head };
}
