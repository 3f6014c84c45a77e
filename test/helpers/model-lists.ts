import type { Client } from '../../client/index.ts';
import type { SessionSummary } from '../../shared/resources/sessions.ts';
import { ended, judge, summary } from './model-answers.ts';
import { anyId } from './model-calls.ts';
import { expecting, Refused, type Session, type State } from './model.ts';
import type { Random } from './model-random.ts';
import { itemsOf, walk } from './pages.ts';

// Reads of more than one session, each compared with the model.

type Filter = {
  status?: SessionSummary['status'];
  workingDirectory?: string;
  updatedAfter?: string;
  updatedBefore?: string;
};
type Sorted = { sort: 'updatedAt' | 'createdAt' | 'id'; order?: 'asc' | 'desc' };

export const byBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

const passes = (session: Session, { status, workingDirectory, updatedAfter, updatedBefore }: Filter) =>
  (status === undefined || session.status === status) &&
  (workingDirectory === undefined || session.workingDirectory === workingDirectory) &&
  (updatedAfter === undefined || (session.updatedAt ?? '') > updatedAfter) &&
  (updatedBefore === undefined || (session.updatedAt ?? '') < updatedBefore);

/** Sessions in the order of a list; those of one time by the order in which they were made. */
function sorted(sessions: Session[], { sort, order = sort === 'updatedAt' ? 'desc' : 'asc' }: Sorted): Session[] {
  const ascending = sessions.toSorted(
    (one, other) => byBytes(one[sort] ?? '', other[sort] ?? '') || one.number - other.number,
  );
  return order === 'asc' ? ascending : ascending.toReversed();
}

/** The list without filter, which also tells the model all times that it does not know. */
async function learn(client: Client, sessions: Session[], deleted: boolean): Promise<string[]> {
  const items = itemsOf(await walk((cursor) => client.sessions.list({ deleted, sort: 'createdAt', ...cursor })));
  const found = sessions.toSorted((one, other) => indexIn(items, one) - indexIn(items, other));
  return judge({ answer: found.map(summary) }, { answer: items });
}

/** Deleted ones may share their id, and are known by their revision. */
const indexIn = (items: SessionSummary[], { id, revision }: Session) =>
  items.findIndex((item) => item.id === id && (revision === undefined || item.revision === revision));

export async function readList(client: Client, state: State, random: Random): Promise<string[]> {
  const flaws = [...(await learn(client, state.live, false)), ...(await learn(client, state.deleted, true))];
  const limit = random.pick([1, 2, 5, 100] as const);
  const some = random.pick(state.live);
  const filter: Filter = {
    ...random.maybe(0.3, 'status', random.pick(['active', 'paused', 'completed', 'abandoned'] as const)),
    ...random.maybe(0.2, 'workingDirectory', '/one'),
    ...(some?.updatedAt === undefined ? {} : random.maybe(0.2, 'updatedAfter', some.updatedAt)),
    ...(some?.updatedAt === undefined ? {} : random.maybe(0.2, 'updatedBefore', some.updatedAt)),
  };
  const order: Sorted = {
    sort: random.pick(['updatedAt', 'createdAt', 'id'] as const),
    ...random.maybe(0.6, 'order', random.pick(['asc', 'desc'] as const)),
  };
  const deleted = random.chance(0.2);
  const wanted = sorted(deleted ? state.deleted : state.live, order).filter((session) => passes(session, filter));
  const pages = await walk((cursor) => client.sessions.list({ ...filter, ...order, deleted, limit, ...cursor }));
  if (pages.some(({ items }) => items.length > limit)) flaws.push('a page is longer than its limit');
  return [...flaws, ...judge({ answer: wanted.map(summary) }, { answer: itemsOf(pages) })];
}

export async function resolveId(client: Client, state: State, random: Random): Promise<string[]> {
  const letters = Array.from(anyId(random, state).normalize('NFC'));
  const prefix = letters.slice(0, 4 + random.upTo(Math.max(0, letters.length - 4))).join('');
  const ids = state.live.map(({ id }) => id);
  const fitting = ids.includes(prefix) ? [prefix] : ids.filter((id) => id.startsWith(prefix)).toSorted(byBytes);
  const expected = expecting(() => {
    if (letters.length < 4) throw new Refused('invalid_input');
    if (fitting.length === 0) throw new Refused('not_found');
    if (fitting.length > 1) throw new Refused('ambiguous', { candidates: fitting });
    return { id: fitting[0] };
  });
  return judge(expected, await ended(client.sessions.resolve({ prefix })));
}

export async function readResumable(client: Client, state: State, random: Random): Promise<string[]> {
  const flaws = await learn(client, state.live, false);
  const input = random.maybe(0.5, 'workingDirectory', '/one');
  const free = state.live.filter(({ status, lease }) => status === 'active' && !lease);
  const [newest] = sorted(free, { sort: 'updatedAt' }).filter((session) => passes(session, input));
  const answer = { session: newest ? summary(newest) : null };
  return [...flaws, ...judge({ answer }, await ended(client.sessions.resumable(input)))];
}
