import { HoldfastError, invalidField } from '../../../../shared/errors.ts';
import type { JsonObject } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { isPlainText } from '../../../../shared/text.ts';
import { uuidv7 } from '../../../../shared/uuid.ts';
import { log } from '../../log.ts';
import { Damaged, revisionOf, type Context, type Tx } from '../../tx.ts';
import { previewOf } from './preview.ts';
import { present, session, sessionHead, sessionNumber, type HeadRow } from './rows.ts';

type Input = InputOf<typeof sessions.append>;

/**
 * Appends to the end of a session at a cost that does not depend on its length: log rows, one narrow head row, and
 * the wide session row only when the status changes or the preview appears.
 */
export async function append(tx: Tx, input: Input, context: Context) {
  const sessionNo = await sessionNumber(tx, input.app, input.id);
  const head = present(await tx.find(sessionHead, { session_no: sessionNo }, input.id), input.id);
  if (input.expectedHead !== undefined && input.expectedHead !== head.head) {
    throw new HoldfastError('stale', `The session's head is ${head.head}, not ${input.expectedHead}: read on first.`, {
      current: head.head,
    });
  }
  const next = { ...head };
  const { answers, preview } = await write(tx, next, input);
  // If all of it was here already, the messages are a replay, and their cost was counted then.
  if (next.head !== head.head) addUsage(next, input.usage);
  await updateSession(tx, next, input, preview);
  if (next.position !== head.position) await tx.put(sessionHead, { ...next, updated_at: context.at });
  return { head: next.head, revision: revisionOf(context, next.position), messages: answers };
}

/** Writes the messages that are new and moves `head` on; a message whose id is here already answers its seq. */
async function write(tx: Tx, head: HeadRow, input: Input) {
  const answers: { id: string; seq: number }[] = [];
  const written = new Map<string, { seq: number; content: string }>();
  let preview: string | undefined;
  for (const message of input.messages) {
    const given = (message['id'] as string | undefined)?.normalize('NFC');
    preview ??= head.previewed === 0 ? previewOf(message) : undefined;
    const content = contentOf(message);
    const known = given === undefined ? undefined : (written.get(given) ?? (await find(tx, head.session_no, given)));
    if (given !== undefined && known) {
      if (known.content !== content) {
        throw new HoldfastError(
          'exists',
          `Message '${given}' is in the session with other content, as seq ${known.seq}.`,
        );
      }
      answers.push({ id: given, seq: known.seq });
      continue;
    }
    const id = given ?? uuidv7();
    const seq = head.head + 1;
    const role = roleOf(message);
    head.position = await tx.change({
      kind: 'message',
      id,
      message: { sessionNo: head.session_no, seq, role, content },
    });
    head.head = seq;
    if (given !== undefined) written.set(given, { seq, content });
    answers.push({ id, seq });
  }
  return { answers, preview };
}

/** The application's own fields as text. Deleting the id keeps the rest as parsed; a copy would lose `__proto__`. */
function contentOf(message: JsonObject): string {
  delete message['id'];
  return JSON.stringify(message);
}

/** The role where a filter can name it; the message itself keeps whatever it has. */
function roleOf(message: JsonObject): string | null {
  const role = message['role'];
  return typeof role === 'string' && isPlainText(role, 200) ? role : null;
}

async function find(tx: Tx, sessionNo: number, id: string) {
  const [row] = await tx.select(log, 'WHERE session_no = ? AND id = ?', sessionNo, id);
  if (row instanceof Damaged) throw new HoldfastError('damaged', `Message '${id}' is damaged: ${row.reason}.`);
  return row && { seq: Number(row.seq), content: row.content ?? '{}' };
}

function sum(path: string, before: number, more = 0): number {
  if (Number.isSafeInteger(before + more)) return before + more;
  throw invalidField(`usage.${path}`, `must not raise the sum above ${Number.MAX_SAFE_INTEGER}`);
}

function addUsage(head: HeadRow, usage: Input['usage']): void {
  head.input_tokens = sum('inputTokens', head.input_tokens, usage?.inputTokens);
  head.output_tokens = sum('outputTokens', head.output_tokens, usage?.outputTokens);
  head.cost_nano_usd = sum('costNanoUsd', head.cost_nano_usd, usage?.costNanoUsd);
}

async function updateSession(tx: Tx, head: HeadRow, input: Input, preview: string | undefined): Promise<void> {
  if (input.status === undefined && preview === undefined) return;
  const row = present(await tx.find(session, { session_no: head.session_no }, input.id), input.id);
  const status = input.status ?? row.status;
  if (status !== row.status) {
    head.position = await tx.change({ kind: 'session', id: row.id });
    await tx.keep(head.position, 'session', row.id, row);
  }
  if (preview !== undefined) head.previewed = 1;
  if (status !== row.status || preview !== undefined) {
    await tx.put(session, { ...row, status, preview: preview ?? row.preview });
  }
}
