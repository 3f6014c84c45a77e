import { invalidField } from '../../../shared/errors.ts';
import type { Json } from '../../../shared/json.ts';
import type { InputOf, OutputOf } from '../../../shared/operation.ts';
import type * as operations from '../../../shared/resources/search.ts';
import { readAround } from '../damage.ts';
import { log, type LogRow } from '../log.ts';
import { decodeCursor, encodeCursor } from '../page.ts';
import { Damaged, isoTime, type Context, type SearchQuery, type Tx } from '../tx.ts';
import { segmentsOf } from './sessions/branches.ts';
import { findHead, sessionNumber } from './sessions/rows.ts';
import { snippetOf } from './search/snippet.ts';
import { phrasesOf, textOf } from './search/text.ts';
import { Visibility, type ShownBy } from './search/visible.ts';

type Input = InputOf<typeof operations.messages>;
type Everywhere = InputOf<typeof operations.everywhere>;
type Items = OutputOf<typeof operations.messages>['items'];

/** Messages that one call looks at, of which it may show none: a session that was deleted can match a lot. */
const mostLookedAt = 20_000;
/** Matches that are looked at together. */
const chunk = 200;

export const messages = (tx: Tx, input: Input, context: Context) => search(tx, input, context);
export const everywhere = (tx: Tx, input: Everywhere, context: Context) => search(tx, input, context);

interface Place {
  position: number;
  branch: number;
  seq: number;
  shown: ShownBy;
}

async function search(tx: Tx, input: Everywhere & { app?: string; session?: string | undefined }, context: Context) {
  const phrases = phrasesOf(input.q);
  if (phrases.length === 0) throw invalidField('q', 'must hold a word, or words in quotes');
  if (phrases.length > 50) throw invalidField('q', 'must not hold more than 50 words');
  const { indexedTo, head } = await tx.searchState();
  const [start, to] = place(input, context, indexedTo);
  const visible = await visibilityOf(tx, input);
  const query: SearchQuery = {
    phrases,
    app: input.app,
    role: input.role,
    branches: visible.branches,
    after: input.after === undefined ? undefined : Date.parse(input.after),
    before: input.before === undefined ? undefined : Date.parse(input.before),
    upTo: to,
  };
  const { order, positions } = await tx.search(query, start, mostLookedAt);

  const found: Place[] = [];
  let next: number | undefined;
  for (let from = 0; from < positions.length && next === undefined; from += chunk) {
    const rows = await placesOf(tx, positions.slice(from, from + chunk));
    for (const [offset, position] of positions.slice(from, from + chunk).entries()) {
      if (found.length === input.limit) {
        next = from + offset;
        break;
      }
      const row = rows.get(position);
      if (!row || !isBetween(row.at, query)) continue;
      const shown = await visible.sessionOf(row.branch, row.seq);
      if (shown) found.push({ position, branch: row.branch, seq: row.seq, shown });
    }
  }
  if (next === undefined && positions.length === mostLookedAt) next = positions.length;
  return {
    items: await hits(tx, found, phrases),
    nextCursor: next === undefined ? null : encodeCursor(context, context.op, [start + next, to]),
    order,
    indexedTo,
    head,
  };
}

/** How many matches were looked at before this page, and the position up to which the first page looked. */
function place(input: Everywhere, context: Context, indexedTo: number): [number, number] {
  if (input.cursor === undefined) return [0, indexedTo];
  const read = decodeCursor(context, context.op, input.cursor, ['number', 'number']) as [number, number];
  if (!read.every((value) => Number.isSafeInteger(value) && value >= 0))
    throw invalidField('cursor', 'must be a nextCursor as this search answered it');
  return read;
}

const isBetween = (at: number | undefined, { after, before }: SearchQuery) =>
  at === undefined || ((after === undefined || at >= after) && (before === undefined || at < before));

/** Which session shows a message: the one asked for, with what it shares with others, or whichever does. */
async function visibilityOf(tx: Tx, { app, session: id }: { app?: string; session?: string | undefined }) {
  if (app === undefined || id === undefined) {
    const visibility = new Visibility(tx);
    const sessionOf = (branch: number, seq: number) => visibility.sessionOf(branch, seq);
    return { branches: undefined, sessionOf };
  }
  const number = await sessionNumber(tx, app, id);
  const head = await findHead(tx, number, id);
  const [title] = (await tx.query('SELECT title FROM session WHERE session_no = ?', number))[0] ?? [];
  const upTo = new Map((await segmentsOf(tx, head, 1, head.head)).map((part) => [part.branch, part.to]));
  const shown = { app, id, title: typeof title === 'string' ? title : null };
  const sessionOf = async (branch: number, seq: number) => (seq <= (upTo.get(branch) ?? 0) ? shown : undefined);
  return { branches: [...upTo.keys()], sessionOf };
}

/** Where these messages lie; one that was removed since it was indexed is left out. */
async function placesOf(tx: Tx, positions: number[]) {
  const among = 'branch IS NOT NULL AND position IN (SELECT value FROM json_each(?))';
  const read = (low: number, high: number) =>
    tx.query(
      `SELECT position, branch, seq, at FROM log WHERE ${among}`,
      JSON.stringify(positions.slice(low, high + 1)),
    );
  const lost: number[] = [];
  const rows = await readAround(0, positions.length - 1, read, (index) => lost.push(positions[index] ?? 0));
  // An index tells where those lie whose rows cannot be read, but not of when they are: they are within any time.
  const known = `SELECT position, branch, seq, NULL FROM log INDEXED BY log_message WHERE ${among}`;
  if (lost.length > 0) rows.push(...(await tx.query(known, JSON.stringify(lost))));
  return new Map(
    rows.map(([position, branch, seq, at]) => [
      Number(position),
      { branch: Number(branch), seq: Number(seq), at: at === null ? undefined : Number(at) },
    ]),
  );
}

async function hits(tx: Tx, found: Place[], phrases: string[]): Promise<Items> {
  const items: Items = [];
  // One at a time: each may be a message of megabytes, of which only a snippet is answered.
  for (const { position, branch, seq, shown } of found) {
    const where = { app: shown.app, session: shown.id, seq };
    const [row] = await readAround(position, position, (at) => tx.select(log, 'WHERE position = ?', at));
    if (!row) {
      const sql = 'SELECT id FROM log INDEXED BY log_message_id WHERE branch = ? AND position = ?';
      const [[id] = []] = await tx.query(sql, branch, position);
      items.push({ ...where, id: String(id ?? ''), damaged: { reason: 'its row cannot be read' } });
      continue;
    }
    const { id, role, at } = row instanceof Damaged ? row.row : row;
    const reason = row instanceof Damaged ? row.reason : shown.damaged;
    if (row instanceof Damaged || reason !== undefined) items.push({ ...where, id, damaged: { reason: reason ?? '' } });
    else items.push({ ...where, id, title: shown.title, role, at: isoTime(at), ...snippetOf(contentOf(row), phrases) });
  }
  return items;
}

const contentOf = (row: LogRow) => textOf(JSON.parse(row.content ?? '{}') as Json);
