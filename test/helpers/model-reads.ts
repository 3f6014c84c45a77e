import type { Client } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { chosen, ended, exactly, judge, messageAt, whole } from './model-answers.ts';
import { anyId, anySession } from './model-calls.ts';
import { readList, readResumable, resolveId } from './model-lists.ts';
import { guardGeneration } from './model-messages.ts';
import { expecting, Refused, sessionOf, shown, type Message, type Session, type State } from './model.ts';
import type { Random } from './model-random.ts';
import { walk } from './pages.ts';
import { wholeStream } from './model-streams.ts';

// Reads, each compared with the model.

type Range = { after?: number; before?: number; role?: string; expectedGeneration?: number };
type Placed = [message: Message, seq: number];

/** The messages that a call asks for, by seq. */
export function inRange(session: Session, { after = 0, before = Infinity, role }: Range): Placed[] {
  const all = session.messages.map((message, index): Placed => [message, index + 1]);
  return all.filter(([message, seq]) => {
    return seq > after && seq < before && (role === undefined || shown(message, seq)['role'] === role);
  });
}

const deliveriesOf = (placed: Placed[]) =>
  placed
    .toSorted(([, one], [, other]) => one - other)
    .flatMap(([{ delivery }, seq]) => (delivery ? [{ ...delivery, seq, at: chosen(delivery, 'at') }] : []));

export const pageOf = (session: Session, placed: Placed[], nextCursor: unknown) => ({
  items: placed.map(([message, seq]) => messageAt(message, seq)),
  nextCursor,
  damagedCount: 0,
  head: session.messages.length,
  generation: session.generation,
  deliveries: deliveriesOf(placed),
});

/** A whole conversation, page by page. */
export async function readMessages(client: Client, state: State, id: string, input: Range & Paging): Promise<string[]> {
  const pages = await ended(walk((cursor) => client.sessions.messages({ id, ...input, ...cursor })));
  const expected = expecting(() => {
    const session = sessionOf(state, id);
    guardGeneration(session, input.expectedGeneration);
    const placed = inRange(session, input);
    if (input.order === 'desc') placed.reverse();
    const told = 'answer' in pages ? (pages.answer as { items: object[]; nextCursor: unknown }[]) : [];
    // Pages may be shorter than asked for, not longer.
    if (told.some(({ items }) => items.length > (input.limit ?? 100))) return 'pages within the limit';
    return told
      .map(({ items, nextCursor }) => pageOf(session, placed.splice(0, items.length), nextCursor))
      .concat(placed.length === 0 ? [] : [pageOf(session, placed, null)]);
  });
  return judge(expected, pages);
}
type Paging = { limit?: number; order?: 'asc' | 'desc' };

async function readLast(client: Client, state: State, id: string, last: number): Promise<string[]> {
  const page = await ended(client.sessions.messages({ id, last }));
  return judge(
    expecting(() => {
      const session = sessionOf(state, id);
      return pageOf(session, inRange(session, {}).slice(-last), anything);
    }),
    page,
  );
}
const anything = () => undefined;

export async function readStream(client: Client, state: State, id: string, range: Range): Promise<string[]> {
  const lines = await ended(wholeStream(() => client.sessions.stream({ id, ...range })));
  return judge(
    expecting(() => {
      const session = sessionOf(state, id);
      guardGeneration(session, range.expectedGeneration);
      const { generation, messages } = session;
      const placed = inRange(session, range).flatMap(([message, seq]) => [
        messageAt(message, seq),
        ...deliveriesOf([[message, seq]]).map((delivery) => ({ delivery })),
      ]);
      return [...placed, { end: { head: messages.length, generation, damagedCount: 0 } }];
    }),
    lines,
  );
}

export async function readExport(client: Client, state: State, id: string): Promise<string[]> {
  const text = wholeStream(() => client.sessions.export({ id, format: 'json' }));
  return judge(
    expecting(() => {
      const session = sessionOf(state, id);
      const messages = session.messages.map((message, index) => messageAt(message, index + 1));
      const deliveries = deliveriesOf(inRange(session, {}));
      return { session: whole(session), messages, deliveries, draft: session.draft?.text ?? null, damagedCount: 0 };
    }),
    await ended(text.then((parts) => JSON.parse(parts.join('')) as JsonObject)),
  );
}

const readSession = async (client: Client, state: State, id: string) =>
  judge(
    expecting(() => whole(sessionOf(state, id))),
    await ended(client.sessions.get({ id })),
  );

export async function readDraft(client: Client, state: State, id: string): Promise<string[]> {
  const found = await ended(client.drafts.get({ id }));
  return judge(
    expecting(() => {
      const { draft } = sessionOf(state, id);
      if (!draft) throw new Refused('not_found');
      const revision = chosen(draft, 'revision');
      const updatedAt = 'answer' in found ? (found.answer as { updatedAt: string }).updatedAt : undefined;
      return { text: draft.text, metadata: exactly(draft.metadata), updatedAt, revision };
    }),
    found,
  );
}

type Read = (client: Client, state: State, random: Random) => Promise<string[]>;

function rangeOf(random: Random, state: State, id: string): Range {
  const session = state.live.find((one) => one.id === id);
  const most = (session?.messages.length ?? 0) + 2;
  return {
    ...random.maybe(0.4, 'after', random.upTo(most)),
    ...random.maybe(0.4, 'before', random.upTo(most)),
    ...random.maybe(0.3, 'role', random.pick(['user', 'assistant', 'none'] as const)),
    ...random.maybe(0.2, 'expectedGeneration', (session?.generation ?? 0) + (random.chance(0.2) ? 1 : 0)),
  };
}

const reads: [Read, number][] = [
  [(client, state, random) => readSession(client, state, anyId(random, state)), 6],
  [(client, state, random) => readLast(client, state, anyId(random, state), random.upTo(9) + 1), 2],
  [(client, state, random) => readExport(client, state, anyId(random, state)), 2],
  [(client, state, random) => readDraft(client, state, anyId(random, state)), 2],
  [resolveId, 2],
  [readResumable, 2],
  [readList, 4],
  [
    (client, state, random) => {
      const { id } = anySession(random, state);
      const order = random.pick(['asc', 'desc'] as const);
      const limit = random.pick([1, 2, 3, 7, 100, 1000] as const);
      return readMessages(client, state, id, { ...rangeOf(random, state, id), order, limit });
    },
    10,
  ],
  [
    (client, state, random) => {
      const id = anyId(random, state);
      return readStream(client, state, id, rangeOf(random, state, id));
    },
    3,
  ],
];

/** A random read. */
export const read: Read = (client, state, random) => random.weighted(reads)(client, state, random);

/** Everything that can be read of one application. */
export async function readAll(client: Client, state: State, random: Random): Promise<string[]> {
  const found = [await readList(client, state, random)];
  for (const { id } of state.live) {
    found.push(
      await readSession(client, state, id),
      await readMessages(client, state, id, { limit: 1000 }),
      await readStream(client, state, id, {}),
      await readExport(client, state, id),
      await readDraft(client, state, id),
    );
  }
  return found.flat();
}
