import { HoldfastError } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { shown, type Expected, type Message, type Session } from './model.ts';

// What the model expects of answers. An expectation is a value, or a function that says what is wrong with the value.

type Judge = (actual: unknown) => string | undefined;

/** Where an answer is not as expected, as paths. A field that is not expected is a difference too. */
export function mismatches(actual: unknown, expected: unknown, path = '$'): string[] {
  if (typeof expected === 'function') {
    const flaw = (expected as Judge)(actual);
    return flaw === undefined ? [] : [`${path}: ${flaw}`];
  }
  const both = [actual, expected].every((value) => typeof value === 'object' && value !== null);
  if (!both || Array.isArray(actual) !== Array.isArray(expected)) {
    return Object.is(actual, expected) ? [] : [`${path}: ${brief(actual)}, not ${brief(expected)}`];
  }
  const [have, want] = [actual, expected] as Record<string, unknown>[];
  const names = new Set([...Object.keys(have ?? {}), ...Object.keys(want ?? {})]);
  return [...names].flatMap((name) => mismatches(have?.[name], want?.[name], `${path}.${name}`));
}

export const brief = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 200);

/** JSON that must come back code unit for code unit, the order of its keys included. */
export const exactly =
  (text: string): Judge =>
  (actual) =>
    JSON.stringify(actual) === JSON.stringify(JSON.parse(text)) ? undefined : `${brief(actual)}, not ${text}`;

export const time: Judge = (actual) =>
  typeof actual === 'string' && new Date(actual).toISOString() === actual ? undefined : `${brief(actual)} is no time`;

/** A value that holdfast chooses once: written down when it is first told, and the same ever after. */
export const chosen =
  <Name extends string>(record: { [N in Name]: unknown }, name: Name, not: unknown[] = []): Judge =>
  (actual) => {
    if (record[name] !== undefined)
      return actual === record[name] ? undefined : `${brief(actual)}, not ${brief(record[name])}`;
    if (typeof actual !== 'string' || not.includes(actual)) return `${brief(actual)} is no new value`;
    record[name] = actual;
  };

export const revision = (session: Session): Judge => chosen(session, 'revision', [session.earlier]);

/** A message in its place. */
export const messageAt =
  (message: Message, seq: number): Judge =>
  (actual) =>
    chosen(message, 'id')((actual as { id?: unknown } | undefined)?.id) ??
    exactly(JSON.stringify(shown(message, seq)))(actual);

/** An id that holdfast made. */
const made =
  (session: Session): Judge =>
  (actual) => {
    if (typeof actual !== 'string' || actual === '') return `${brief(actual)} is no id`;
    session.id = actual;
  };

/** The session in lists. */
export const summary = (session: Session) => ({
  id: session.id === '' ? made(session) : session.id,
  title: session.title,
  model: session.model,
  workingDirectory: session.workingDirectory,
  status: session.status,
  head: session.messages.length,
  messageCount: session.messages.length,
  generation: session.generation,
  preview: previewOf(session),
  inputTokens: session.inputTokens,
  outputTokens: session.outputTokens,
  costNanoUsd: session.costNanoUsd,
  forkedFrom: session.forkedFrom,
  leasedUntil: session.lease ? time : null,
  createdAt: chosen(session, 'createdAt'),
  updatedAt: chosen(session, 'updatedAt'),
  deletedAt: session.deletedAt === null ? null : chosen(session, 'deletedAt'),
  revision: revision(session),
});

export const whole = (session: Session) => ({
  ...summary(session),
  metadata: exactly(session.metadata),
  lease: session.lease && {
    owner: session.lease.owner,
    since: chosen(session.lease, 'since'),
    expiresAt: time,
    client: (actual: unknown) => (typeof actual === 'string' ? undefined : `${brief(actual)} is no client`),
    pid: process.pid,
  },
});

/** The first text of a user. The texts that the model makes are short and on one line, so all of it shows. */
function previewOf({ messages }: Session): string | null {
  for (const { text } of messages) {
    const { role, content } = JSON.parse(text) as JsonObject;
    const first = Array.isArray(content) ? (content[0] as JsonObject | undefined)?.['text'] : content;
    if (role === 'user' && typeof first === 'string') return first;
  }
  return null;
}

export type Outcome = { answer: unknown } | { refused: HoldfastError };

/** Where the outcome of a call is not as predicted; learns what holdfast chose. */
export function judge({ answer, refused }: Expected, outcome: Outcome): string[] {
  if (!refused) return 'answer' in outcome ? mismatches(outcome.answer, answer) : [`refused: ${outcome.refused.code}`];
  if ('answer' in outcome) return [`not refused with ${refused.code}: ${brief(outcome.answer)}`];
  const { code, details } = outcome.refused;
  const { current, generation, candidates, holder } = details;
  const wanted = refused.details;
  return mismatches(
    { code, current, generation, candidates, owner: holder?.owner },
    {
      code: refused.code,
      current: wanted.current,
      generation: wanted.generation,
      candidates: wanted.candidates,
      owner: wanted.owner,
    },
  );
}

export const ended = async (call: Promise<unknown>): Promise<Outcome> => {
  try {
    return { answer: await call };
  } catch (error) {
    if (error instanceof HoldfastError) return { refused: error };
    throw error;
  }
};
