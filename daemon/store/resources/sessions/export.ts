import { isJsonObject, type Json, type JsonObject } from '../../../../shared/json.ts';
import type { InputOf } from '../../../../shared/operation.ts';
import type { Session } from '../../../../shared/resources/sessions.ts';
import type * as sessions from '../../../../shared/resources/sessions.ts';
import { Damaged, type Context, type Tx } from '../../tx.ts';
import { draft as drafts } from '../drafts.ts';
import { toSession } from './answer.ts';
import { guardErased } from './guards.ts';
import { deliveriesById, isDamaged, messageText, readIds } from './read.ts';
import { findHead, findRow, sessionNumber, type HeadRow } from './rows.ts';
import { damagedIn, linesOf, slices } from './stream.ts';

/** A whole session as one document, in slices like a stream; a draft comes after the messages. */
export async function* exportMessages(tx: Tx, input: InputOf<typeof sessions.export>, context: Context) {
  const number = await sessionNumber(tx, input.app, input.id);
  const head = await findHead(tx, number, input.id);
  const about = await toSession(tx, await findRow(tx, number, input.id), head, context);
  const write = writers[input.format];
  const [found] = await tx.select(drafts, 'WHERE session_no = ?', number);
  const draft = found && !(found instanceof Damaged) ? (JSON.parse(found.text) as string) : null;
  let damagedCount = found instanceof Damaged ? 1 : 0;
  /** First and last message of the slices that have deliveries: these may be more than fits in memory. */
  const sent: [number, number][] = [];
  let first = true;
  yield write.begin(about);
  for await (const part of slices(tx, head, 1, head.head)) {
    damagedCount += damagedIn(part);
    const [low, high] = [part.deliveries[0]?.seq, part.deliveries.at(-1)?.seq];
    if (low !== undefined && high !== undefined) sent.push([low, high]);
    if (input.format === 'ndjson') yield linesOf(part);
    else
      yield part.seqs
        .map((seq, index) =>
          write.message(messageText(seq, part.rows.get(seq)), first && index === 0, isDamaged(part.rows.get(seq))),
        )
        .join('');
    first = false;
  }
  if (input.format === 'json') yield* deliveriesText(tx, head, sent);
  yield write.end(about, draft, damagedCount);
}

async function* deliveriesText(tx: Tx, head: HeadRow, ranges: [number, number][]): AsyncGenerator<string> {
  yield '\n],"deliveries":[';
  let first = true;
  for (const [low, high] of ranges) {
    await guardErased(tx, head);
    const found = await deliveriesById(tx, head.session_no, await readIds(tx, head, low, high));
    if (found.length === 0) continue;
    yield `${first ? '' : ','}${found.map((one) => JSON.stringify(one)).join(',')}`;
    first = false;
  }
  yield ']';
}

interface Writer {
  begin(session: Session): string;
  message(text: string, first: boolean, damaged: boolean): string;
  end(session: Session, draft: string | null, damagedCount: number): string;
}

const json: Writer = {
  begin: (session) => `{"session":${JSON.stringify(session)},"messages":[`,
  message: (text, first) => `${first ? '' : ','}\n${text}`,
  end: (_session, draft, damagedCount) => `,"draft":${JSON.stringify(draft)},"damagedCount":${damagedCount}}\n`,
};

const ndjson: Writer = {
  begin: (session) => `${JSON.stringify({ session })}\n`,
  message: (text) => `${text}\n`,
  end: ({ head, generation }, draft, damagedCount) =>
    `${draft === null ? '' : `${JSON.stringify({ draft })}\n`}${JSON.stringify({ end: { head, generation, damagedCount } })}\n`,
};

const markdown: Writer = {
  begin: (session) =>
    [
      `# ${line(session.title ?? session.preview ?? session.id)}\n`,
      `- Session: \`${session.id}\``,
      ...(session.model === null ? [] : [`- Model: ${line(session.model)}`]),
      ...(session.workingDirectory === null ? [] : [`- Directory: \`${line(session.workingDirectory)}\``]),
      `- Status: ${session.status}, ${session.messageCount} messages`,
      `- From ${session.createdAt} to ${session.updatedAt}\n`,
    ].join('\n'),
  message: (text, _first, damaged) =>
    damaged ? `\n> A message is damaged here: \`${text}\`\n` : readable(JSON.parse(text) as JsonObject),
  end: (_session, draft, damagedCount) =>
    (draft === null ? '' : `\n## Draft, not finished\n\n${draft}\n`) +
    (damagedCount === 0 ? '' : `\n> ${damagedCount} of the messages are damaged.\n`),
};

const writers = { markdown, json, ndjson };

const line = (text: string) => text.replaceAll(/\s+/g, ' ');

/** One message: its text as it is, everything else of it as JSON in a fence. */
function readable(message: JsonObject): string {
  const { id: _id, seq, content, ...others } = message;
  const { role, timestamp } = others;
  const title = typeof role === 'string' ? line(role) : 'Message';
  const when = typeof timestamp === 'string' ? `, ${line(timestamp)}` : '';
  if (typeof role === 'string') delete others['role'];
  if (typeof timestamp === 'string') delete others['timestamp'];
  const parts =
    typeof content === 'string' ? [content] : Array.isArray(content) ? content.map(partText) : asJson(content);
  const rest = Object.keys(others).length === 0 ? [] : asJson(others);
  return `\n## ${JSON.stringify(seq)}. ${title}${when}\n\n${[...parts, ...rest].join('\n\n')}\n`;
}

const partText = (part: Json): string =>
  isJsonObject(part) &&
  typeof part['text'] === 'string' &&
  Object.keys(part).every((name) => name === 'type' || name === 'text')
    ? part['text']
    : (asJson(part)[0] ?? '');

/** JSON in a fence that is longer than any run of backticks inside. */
function asJson(value: Json | undefined): string[] {
  if (value === undefined) return [];
  const text = JSON.stringify(value, null, 2);
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  const fence = '`'.repeat(longest + 1);
  return [`${fence}json\n${text}\n${fence}`];
}
