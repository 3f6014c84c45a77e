import type { Client } from '../../client/index.ts';
import { ended, judge } from './model-answers.ts';
import { anySession } from './model-calls.ts';
import { guardGeneration } from './model-messages.ts';
import { inRange, pageOf } from './model-reads.ts';
import { expecting, Refused, sessionOf, type State } from './model.ts';
import type { Random } from './model-random.ts';

/** A place in the messages of a session, kept while the session changes. */
export interface Bookmark {
  id: string;
  /** Of the session: another one may get its id. */
  number: number;
  generation: number;
  seq: number;
  cursor: string;
}

export async function takeBookmark(client: Client, state: State, random: Random): Promise<Bookmark | undefined> {
  const { id, session } = anySession(random, state);
  if (!session) return undefined;
  const { items, nextCursor } = await client.sessions.messages({ id, limit: random.upTo(3) + 1 });
  const { number, generation } = session;
  return nextCursor === null ? undefined : { id, number, generation, seq: items.length, cursor: nextCursor };
}

/** Reads on from there: what came after it since, or that the place is none any more. */
export async function readOn(client: Client, state: State, bookmark: Bookmark): Promise<string[]> {
  const { id, number, generation, seq, cursor } = bookmark;
  const page = await ended(client.sessions.messages({ id, cursor, limit: 1000 }));
  return judge(
    expecting(() => {
      const session = sessionOf(state, id);
      if (session.number !== number) throw new Refused('reset');
      guardGeneration(session, generation);
      return pageOf(session, inRange(session, { after: seq }), null);
    }),
    page,
  );
}
