import { HoldfastError, invalidField } from '../../../../shared/errors.ts';
import type { JsonObject } from '../../../../shared/json.ts';
import { isPlainText } from '../../../../shared/text.ts';
import { uuidv7 } from '../../../../shared/uuid.ts';
import type { Context, Tx } from '../../tx.ts';
import { findMessages } from './branches.ts';
import { delivery } from './delivery.ts';
import { previewOf } from './preview.ts';
import type { HeadRow } from './rows.ts';

export interface Usage {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  costNanoUsd?: number | undefined;
}

interface Options {
  /** What a message whose id the session has means: one sent again, or a fault of the document. */
  known: 'replay' | 'refused';
  /** Index of the first message in what the caller sent. */
  first: number;
  delivery?: string | undefined;
}

/**
 * Writes the messages that are new to the end of a session and moves `head` on. Answers id and seq of each, and the
 * preview if the session had none and one of these gives it.
 */
export async function writeMessages(tx: Tx, head: HeadRow, messages: JsonObject[], context: Context, options: Options) {
  const answers: { id: string; seq: number }[] = [];
  const ids = messages.map(idOf).filter((id) => id !== undefined);
  const known = new Map<string, { seq: number; content: string | null }>(await findMessages(tx, head, ids));
  let preview: string | undefined;
  for (const [index, message] of messages.entries()) {
    const given = idOf(message);
    const content = contentOf(message);
    const earlier = given === undefined ? undefined : known.get(given);
    if (given !== undefined && earlier) {
      refuseUnlessReplay(given, earlier, content, options, index);
      answers.push({ id: given, seq: earlier.seq });
      continue;
    }
    const id = given ?? uuidv7();
    const seq = head.head + 1;
    const position = await tx.change({
      kind: 'message',
      id,
      message: { branch: head.branch, seq, role: roleOf(message), content },
    });
    if (options.delivery !== undefined) {
      const { session_no } = head;
      await tx.put(delivery, { session_no, id, delivery: options.delivery, reason: null, at: context.at });
    }
    Object.assign(head, { position, head: seq });
    if (given !== undefined) known.set(given, { seq, content });
    answers.push({ id, seq });
    if (head.previewed === 0 && (preview = previewOf(message)) !== undefined) head.previewed = seq;
  }
  return { answers, preview };
}

function refuseUnlessReplay(
  id: string,
  known: { seq: number; content: string | null },
  content: string,
  { known: meaning, first }: Options,
  index: number,
): void {
  if (meaning === 'refused') {
    throw invalidField(`messages.${first + index}.id`, `must be unique: message ${known.seq} has it`);
  }
  if ((known.content ?? '{}') === content) return;
  throw new HoldfastError('exists', `Message '${id}' is in the session with other content, as seq ${known.seq}.`);
}

/** The id that the application gave. */
export const idOf = (message: JsonObject): string | undefined =>
  Object.hasOwn(message, 'id') ? (message['id'] as string).normalize('NFC') : undefined;

/** The application's own fields as text. Leaving the id out here keeps the rest as parsed; a copy would lose `__proto__`. */
export function contentOf(message: JsonObject): string {
  const { id } = message;
  delete message['id'];
  const text = JSON.stringify(message);
  if (id !== undefined) message['id'] = id;
  return text;
}

/** The role where a filter can name it; the message itself keeps whatever it has. */
function roleOf(message: JsonObject): string | null {
  const role = message['role'];
  return typeof role === 'string' && isPlainText(role, 200) ? role : null;
}

/** Adds what messages cost to the sums of a session. */
export function addUsage(head: HeadRow, usage: Usage | undefined): void {
  head.input_tokens = sum('inputTokens', head.input_tokens, usage?.inputTokens);
  head.output_tokens = sum('outputTokens', head.output_tokens, usage?.outputTokens);
  head.cost_nano_usd = sum('costNanoUsd', head.cost_nano_usd, usage?.costNanoUsd);
}

function sum(path: string, before: number, more = 0): number {
  if (Number.isSafeInteger(before + more)) return before + more;
  throw invalidField(`usage.${path}`, `must not raise the sum above ${Number.MAX_SAFE_INTEGER}`);
}
