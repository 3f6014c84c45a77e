import { HoldfastError } from '../../../../shared/errors.ts';
import type { JsonObject } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import { toSummary } from './answer.ts';
import { branch, findBranch, selectMessages, startBranch } from './branches.ts';
import { insertSession } from './create.ts';
import { delivery } from './delivery.ts';
import { forWriting, guardRevision } from './guards.ts';
import { isDamaged, readIds, readMessages, readPicked, readSizes } from './read.ts';
import { findRow, findSession, type HeadRow, type SessionRow } from './rows.ts';
import { putHead, putRow } from './save.ts';
import { keptFor } from './sweep.ts';
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
    const { row, head } = await insertSession(tx, input.id, input, context);
    return toSummary(row, head, context);
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
  return toSummary(saved, await putHead(tx, before, next, context), context);
}

/** Brings the messages to those of the document and answers the preview that the session then has. */
async function replaceMessages(tx: Tx, head: HeadRow, row: SessionRow, input: Input, context: Context) {
  const unchanged = await unchangedIds(tx, head, input.messages);
  let same = 0;
  while (unchanged.has(same + 1)) same += 1;
  const rest = input.messages.slice(same);
  if (same < head.head) {
    const stored = await readIds(tx, head, same + 1, head.head);
    if (input.allowShrink !== true) await refuseDrops(tx, head, input, stored, unchanged);
    // What is as it was keeps its id also behind a message that is not.
    for (const [seq, id] of unchanged) if (seq > same) Object.assign(input.messages[seq - 1] ?? {}, { id });
    await forgetChanged(tx, head, new Set(stored.map(([, id]) => id)), rest);
    const position = await tx.change({ kind: 'session', id: input.id });
    const old = await findBranch(tx, head.branch);
    await tx.put(branch, { ...old, sweep_at: context.at + keptFor });
    Object.assign(head, await startBranch(tx, position, head.session_no, head, same));
    head.generation += 1;
    head.position = position;
    if (head.previewed > same) head.previewed = 0;
  }
  const { preview } = await writeMessages(tx, head, rest, context, { known: 'refused', first: same });
  return preview ?? (head.previewed === 0 ? null : row.preview);
}

/** Drops what became of messages that the document lacks or has with other content; one that only moved keeps it. */
async function forgetChanged(tx: Tx, head: HeadRow, stored: Set<string>, rest: JsonObject[]): Promise<void> {
  const texts = new Map(rest.map((message) => [idOf(message), message]));
  const sent = await tx.query('SELECT id FROM delivery WHERE session_no = ?', head.session_no);
  for (const [value] of sent) {
    const id = String(value);
    if (!stored.has(id)) continue;
    const message = texts.get(id);
    const [row] = message ? await selectMessages(tx, head, [id]) : [];
    const same = message && row && !(row instanceof Damaged) && (row.content ?? '{}') === contentOf(message);
    if (!same) await tx.delete(delivery, { session_no: head.session_no, id });
  }
}

/**
 * The ids of the messages of the document that are what is stored in their place, by seq. Nothing is read that is
 * longer than what it is compared with.
 */
async function unchangedIds(tx: Tx, head: HeadRow, messages: JsonObject[]): Promise<Map<number, string>> {
  const unchanged = new Map<number, string>();
  const high = Math.min(head.head, messages.length);
  for (let from = 1; from <= high; from += slice) {
    const to = Math.min(high, from + slice - 1);
    const sizes = await readSizes(tx, head, from, to);
    const texts = new Map(messages.slice(from - 1, to).map((message, index) => [from + index, contentOf(message)]));
    const alike = [...texts].filter(([seq, text]) => Buffer.byteLength(text) === sizes.get(seq)).map(([seq]) => seq);
    for (const [seq, row] of await readPicked(tx, head, alike)) {
      if (row === undefined || row instanceof Damaged || (row.content ?? '{}') !== texts.get(seq)) continue;
      const id = idOf(messages[seq - 1] ?? {});
      if (id === undefined || id === row.id) unchanged.set(seq, row.id);
    }
  }
  return unchanged;
}

/**
 * A document that lacks stored messages was made from an older state, or its maker means to drop them and must say so.
 * Where messages have no ids, one that differs from what is stored in its place may be an edit or another terminal's:
 * only a revision tells.
 */
async function refuseDrops(
  tx: Tx,
  head: HeadRow,
  { messages, expectedRevision }: Input,
  stored: [number, string][],
  unchanged: Map<number, string>,
): Promise<void> {
  const ids = new Set(messages.map(idOf));
  const dropped = stored.filter(([seq, id]) => {
    const message = messages[seq - 1];
    if (message === undefined) return true;
    const edited = idOf(message) === undefined && expectedRevision !== undefined;
    return !unchanged.has(seq) && !ids.has(id) && !edited;
  });
  // A damaged row is what a document may heal, and its id is not to be trusted.
  const kept = async (seq: number) =>
    messages[seq - 1] !== undefined && isDamaged((await readMessages(tx, head, seq, seq)).get(seq));
  while (dropped[0] && (await kept(dropped[0][0]))) dropped.shift();
  if (dropped.length === 0 && messages.length >= head.head) return;
  const edited =
    expectedRevision === undefined && messages.some((message) => idOf(message) === undefined)
      ? ' To change messages that you send without ids, send the revision that you read as expectedRevision.'
      : '';
  throw new HoldfastError(
    'drops_messages',
    `The document lacks ${Math.max(dropped.length, head.head - messages.length)} of the ${head.head} messages that are ` +
      `stored: read the session again, or send allowShrink to drop them.${edited}`,
    { current: head.head, generation: head.generation },
  );
}
