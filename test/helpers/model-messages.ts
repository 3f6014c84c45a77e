import { chosen, revision, summary } from './model-answers.ts';
import { about, admit, guardRevision, newSession, taken, touched } from './model-sessions.ts';
import { findSession, Refused, sessionOf, toMessage } from './model.ts';
import type { Input, Message, Session, State } from './model.ts';

type Usage = Input<'sessions.append'>['usage'];
const sums = ['inputTokens', 'outputTokens', 'costNanoUsd'] as const;

export function guardGeneration({ generation, messages }: Session, expected: number | undefined): void {
  if (expected === undefined || expected === generation) return;
  throw new Refused('stale', { current: messages.length, generation });
}

export function append(state: State, input: Input<'sessions.append'>) {
  if (input.messages.length === 0) throw new Refused('invalid_input');
  const session = sessionOf(state, input.id);
  const { messages } = session;
  const { expectedHead: expected } = input;
  admit(session, input.lease);
  guardGeneration(session, input.expectedGeneration ?? (expected === undefined ? undefined : 0));
  if (expected !== undefined && expected !== messages.length) throw new Refused('stale', { current: messages.length });
  const answers: object[] = [];
  touched(session, () => {
    const before = messages.length;
    for (const message of input.messages.map(toMessage)) {
      const known = messages.findIndex(({ id }) => id !== undefined && id === message.id);
      if (known !== -1 && messages[known]?.text !== message.text) throw new Refused('exists');
      if (known === -1) messages.push({ ...message, delivery: sentAs(input.delivery) });
      const seq = known === -1 ? messages.length : known + 1;
      answers.push({ id: chosen(messages[seq - 1] ?? message, 'id'), seq });
    }
    if (messages.length > before) addUsage(session, input.usage);
    session.status = input.status ?? session.status;
  });
  if (input.clearDraft) session.draft = null;
  return { head: messages.length, generation: session.generation, revision: revision(session), messages: answers };
}

const sentAs = (delivery: string | undefined) =>
  delivery === undefined ? null : { delivery, reason: null, at: undefined };

function addUsage(session: Session, usage: Usage): void {
  for (const name of sums) session[name] += usage?.[name] ?? 0;
  if (!sums.every((name) => Number.isSafeInteger(session[name]))) throw new Refused('invalid_input');
}

export function replace(state: State, input: Input<'sessions.replace'>) {
  const document = input.messages.map(toMessage);
  const session = findSession(state, input.id);
  if (!session) {
    if (input.expectedRevision !== undefined) throw new Refused('stale');
    if (input.lease !== undefined) throw new Refused('not_found');
    const made = newSession(state, input.id, { ...about(input), status: input.status ?? 'active' });
    addUsage(made, input.usage);
    made.messages = unique(document);
    return summary(made);
  }
  admit(session, input.lease);
  guardRevision(session, input.expectedRevision);
  if (input.ifAbsent) throw taken(session);
  touched(session, () => {
    replaceMessages(session, document, input);
    for (const name of sums) session[name] = input.usage?.[name] ?? session[name];
    Object.assign(session, about(input), { status: input.status ?? session.status });
  });
  return summary(session);
}

function replaceMessages(session: Session, document: Message[], input: Input<'sessions.replace'>): void {
  const { messages: stored } = session;
  const other = stored.findIndex((message, index) => !sameAs(message, document[index]));
  const same = other === -1 ? stored.length : other;
  const isDropped = (message: Message, index: number) => {
    const inPlace = document[index];
    if (inPlace === undefined) return true;
    // One without id that differs is an edit where the caller names what it read.
    const edited = inPlace.id === undefined && input.expectedRevision !== undefined;
    const named = document.some(({ id }) => id !== undefined && id === message.id);
    return !sameAs(message, inPlace) && !edited && !named;
  };
  if (!input.allowShrink && stored.some(isDropped)) {
    throw new Refused('drops_messages', { current: stored.length, generation: session.generation });
  }
  // What is as it was in its place stays, with its id and what became of it; any other is a message of its own.
  // What moved is stored anew, and keeps what became of it.
  const moved = (message: Message): Message => {
    const old = message.id === undefined ? undefined : stored.find((each) => sameAs(each, message));
    return { ...message, delivery: structuredClone(old?.delivery ?? null) };
  };
  session.messages = unique(document.map((message, index) => sameAs(stored[index], message) ?? moved(message)));
  if (same < stored.length) session.generation += 1;
}

const sameAs = (stored: Message | undefined, given: Message | undefined) =>
  given?.text === stored?.text && (given?.id === undefined || given.id === stored?.id) ? stored : undefined;

function unique(messages: Message[]): Message[] {
  const ids = messages.flatMap(({ id }) => id ?? []);
  if (new Set(ids).size < ids.length) throw new Refused('invalid_input');
  return messages;
}

export function setDelivery(state: State, input: Input<'sessions.setDelivery'>) {
  const session = sessionOf(state, input.id);
  admit(session, input.lease);
  const seq = session.messages.findIndex(({ id }) => id === input.messageId.normalize('NFC')) + 1;
  const message = session.messages[seq - 1];
  if (!message) throw new Refused('not_found');
  const { delivery, reason = null } = input;
  touched(session, () => {
    if (message.delivery?.delivery === delivery && message.delivery.reason === reason) return;
    message.delivery = { delivery, reason, at: undefined };
  });
  const at = message.delivery ? chosen(message.delivery, 'at') : undefined;
  return { id: message.id, seq, delivery, reason, at, revision: revision(session) };
}
