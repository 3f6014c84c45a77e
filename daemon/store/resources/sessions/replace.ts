import { HoldfastError } from '../../../../shared/errors.ts';
import type { JsonObject } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import { toSession } from './answer.ts';
import { branch, findBranch, startBranch } from './branches.ts';
import { insertSession } from './create.ts';
import { forWriting, guardRevision } from './guards.ts';
import { readMessages, type StoredMessage } from './read.ts';
import { findRow, findSession, type HeadRow, type SessionRow } from './rows.ts';
import { putHead, putRow } from './save.ts';
import { replacedFor } from './sweep.ts';
import { contentOf, idOf, writeMessages } from './write.ts';

type Input = InputOf<typeof sessions.replace>;

/** Stored messages that are compared at a time. */
const slice = 256;

/** Saves a whole session. What is stored already and the same is not written again. */
export async function replace(tx: Tx, input: Input, context: Context) {
  const existing = await findSession(tx, input.app, input.id);
  if (existing === undefined) {
    guardRevision(undefined, input.expectedRevision, context);
    if (input.lease !== undefined) throw new HoldfastError('not_found', `There is no session '${input.id}'.`);
    context.status = 201;
    return insertSession(tx, input.id, input, context);
  }
  const before = await forWriting(tx, input, context);
  guardRevision(before, input.expectedRevision, context);
  if (input.ifAbsent) {
    const current = revisionOf(context, before.position);
    throw new HoldfastError('exists', `A session '${input.id}' exists.`, { current });
  }
  const row = await findRow(tx, existing, input.id);
  const next = { ...before };
  const preview = await replaceMessages(tx, next, row, input, context);
  next.input_tokens = input.usage?.inputTokens ?? next.input_tokens;
  next.output_tokens = input.usage?.outputTokens ?? next.output_tokens;
  next.cost_nano_usd = input.usage?.costNanoUsd ?? next.cost_nano_usd;
  const saved = {
    ...row,
    title: input.title ?? null,
    model: input.model ?? null,
    working_directory: input.workingDirectory ?? null,
    status: input.status ?? row.status,
    created_at: input.createdAt === undefined ? row.created_at : Date.parse(input.createdAt),
    metadata: JSON.stringify(input.metadata ?? {}),
    preview,
  };
  await putRow(tx, before, next, row, saved);
  return toSession(tx, saved, await putHead(tx, before, next, context), context);
}

/** Brings the messages to those of the document and answers the preview that the session then has. */
async function replaceMessages(tx: Tx, head: HeadRow, row: SessionRow, input: Input, context: Context) {
  const { same, differing } = await compare(tx, head, input.messages);
  if (same < head.head) {
    if (input.allowShrink !== true) refuseDrops(input, same, differing, head);
    const position = await tx.change({ kind: 'session', id: input.id });
    const old = await findBranch(tx, head.branch);
    await tx.put(branch, { ...old, sweep_at: context.at + replacedFor });
    Object.assign(head, await startBranch(tx, position, head.session_no, head, same));
    head.generation += 1;
    head.position = position;
    if (head.previewed > same) head.previewed = 0;
  }
  const kept = head.previewed === 0 ? null : row.preview;
  const rest = input.messages.slice(same);
  const { preview } = await writeMessages(tx, head, rest, context, { known: 'refused', first: same });
  return preview ?? kept;
}

/** How many messages are the same from the start on, and the ids of those stored after them. */
async function compare(tx: Tx, head: HeadRow, messages: JsonObject[]) {
  const differing: (string | undefined)[] = [];
  let same = 0;
  for (let from = 1; from <= head.head; from += slice) {
    const to = Math.min(head.head, from + slice - 1);
    // Beyond the first difference only the ids matter.
    const stored = await readMessages(tx, head, from, to);
    for (let seq = from; seq <= to; seq++) {
      const row = stored.get(seq);
      const message = messages[seq - 1];
      if (same === seq - 1 && message && isSame(row, message)) same = seq;
      else differing.push(row === undefined || row instanceof Damaged ? undefined : row.id);
    }
  }
  return { same, differing };
}

function isSame(row: StoredMessage, message: JsonObject): boolean {
  if (row === undefined || row instanceof Damaged) return false;
  const id = idOf(message);
  return (id === undefined || id === row.id) && contentOf(message) === (row.content ?? '{}');
}

/**
 * A document that lacks stored messages was made from an older state, or its maker means to drop them and must say so.
 * A message without id stands for the stored one in its place.
 */
function refuseDrops(input: Input, same: number, differing: (string | undefined)[], head: HeadRow): void {
  const ids = new Set(input.messages.map(idOf));
  const dropped = differing.filter((id, index) => {
    const message = input.messages[same + index];
    return message === undefined || (idOf(message) !== undefined && id !== undefined && !ids.has(id));
  });
  if (dropped.length === 0) return;
  throw new HoldfastError(
    'drops_messages',
    `The document lacks ${dropped.length} of the ${head.head} messages that are stored: read the session again, ` +
      `or send allowShrink to drop them.`,
    { current: head.head, generation: head.generation },
  );
}
