import type { Message, Session } from './model.ts';
import { fields, type Random } from './model-random.ts';

// Lists of messages as applications send them: new ones, ones sent again, and whole conversations that were edited.

const given = ({ id, text }: Message): object => ({ id, ...(JSON.parse(text) as object) });
const withoutId = ({ text }: Message) => JSON.parse(text) as object;

export const newMessage = (random: Random): object => ({
  ...random.maybe(0.6, 'id', random.chance(0.05) ? 'cafe\u0301' : `m${random.upTo(9999)}`),
  ...fields(random),
});

/** What is appended: now and then something that the session has. */
export function toAppend(random: Random, { messages }: Pick<Session, 'messages'>): object[] {
  const sent: object[] = [];
  for (let left = random.chance(0.02) ? 0 : random.upTo(3) + 1; left > 0; left--) {
    const known = random.pick(messages);
    const again = random.pick(sent);
    if (known && random.chance(0.15))
      sent.push(random.chance(0.85) ? given(known) : { ...newMessage(random), id: known.id });
    else if (again && random.chance(0.05)) sent.push(again);
    else sent.push(newMessage(random));
  }
  return sent;
}

/** A whole conversation, made from the stored one. */
export function toReplace(random: Random, messages: Message[]): object[] {
  // Some applications save the ids, some do not.
  const ids = random.weighted([
    [1, 6],
    [0.5, 2],
    [0, 2],
  ]);
  const document = messages.map((message) => (random.chance(ids) ? given(message) : withoutId(message)));
  const place = random.upTo(Math.max(0, document.length - 1));
  const edited = { ...(messages[place] && random.maybe(0.7, 'id', messages[place].id)), ...fields(random) };
  const more = () => Array.from({ length: random.upTo(3) + 1 }, () => newMessage(random));
  const edits: Record<string, () => object[]> = {
    same: () => document,
    append: () => [...document, ...more()],
    editLast: () => [...document.slice(0, -1), { ...document.at(-1), edited: random.upTo(99) }],
    editMiddle: () => document.with(place, edited),
    editAndAppend: () => [...document.with(place, edited), ...more()],
    insert: () => document.toSpliced(place, 0, ...more()),
    dropLast: () => document.slice(0, -1),
    dropMiddle: () => document.toSpliced(place, 1),
    dropAll: () => [],
    swap: () => document.toReversed(),
    twice: () => [...document, ...document.slice(-1)],
    other: more,
  };
  const usual = ['same', 'append', 'append', 'editLast', 'editMiddle', 'editAndAppend', 'dropLast'] as const;
  const name = random.chance(0.75) ? random.pick(usual) : (random.pick(Object.keys(edits)) ?? 'same');
  return document.length === 0 ? more() : (edits[name] ?? more)();
}
