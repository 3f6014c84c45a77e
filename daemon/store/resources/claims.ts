import { HoldfastError } from '../../../shared/errors.ts';
import type { State } from '../../../shared/resources/claims.ts';
import { Damaged, furthest, isAhead, isoTime, type Context, type Table, type Tx, type Value } from '../tx.ts';
import { Wait } from '../wait.ts';

// Invariant: of all claims of a record only the newest one can end it, also after its time if nobody was given it since;
// a record is given out only while it is not hidden, and giving it out hides it. Nothing happens when a time is over:
// the next claim sees that it is.

/** What of a row says who has it. */
export interface Claimable {
  /** Order in which rows are given out, from 1. */
  rank: number;
  attempts: number;
  /** Position of the newest claim; 0 when there is none. */
  claim: number;
  /** Until when it is not given out, and how far ahead that was when it was noted, in milliseconds. */
  hidden_until: number;
  hidden_ms: number;
  reason: string | null;
}

/** Length of a claim whose caller names none, in milliseconds. */
const usualMs = 60_000;
/** Characters that the rows of one claim have, unless a single one has more. */
const maxCharacters = 4 * 1024 * 1024;

const isHidden = (row: Claimable, at: number) => isAhead(row.hidden_until, at, row.hidden_ms);
export const isClaimed = (row: Claimable, at: number) => row.claim !== 0 && isHidden(row, at);

export function stateOf(row: Claimable, at: number, exhausted = false): State {
  if (isHidden(row, at)) return row.claim === 0 ? 'delayed' : 'claimed';
  return exhausted ? 'dead' : 'ready';
}

/** The same in SQL, and its parameters. */
export const stateSql = (exhausted = 'FALSE') =>
  `CASE WHEN hidden_until > ? AND hidden_until - hidden_ms <= ? THEN CASE claim WHEN 0 THEN 'delayed' ELSE 'claimed' END
    WHEN ${exhausted} THEN 'dead' ELSE 'ready' END`;
export const timesOf = (at: number): Value[] => [at, furthest(at, 0)];

/** What everybody is told of it. */
export const heldOf = (row: Claimable, at: number) => ({
  attempts: row.attempts,
  hiddenUntil: isHidden(row, at) ? isoTime(row.hidden_until) : null,
  reason: row.reason,
});

export const hiddenFor = (ms: number, at: number) => ({
  hidden_until: ms > 0 ? at + ms : 0,
  hidden_ms: Math.max(ms, 0),
});
/** Given back. */
export const free = (ms: number, at: number) => ({ claim: 0, ...hiddenFor(ms, at) });

/** Refuses a call that does not come from the newest claim. */
export function admit(row: Claimable, token: string, context: Context, what: string): void {
  if (row.claim !== 0 && token === context.tokenOf(row.claim)) return;
  const now = isClaimed(row, context.at)
    ? 'somebody else has claimed it'
    : 'it was given back or given to another since';
  throw new HoldfastError('fenced', `This is not the newest claim of ${what}: ${now}.`);
}

interface ClaimInput {
  app: string;
  max?: number | undefined;
  visibilityMs?: number | undefined;
  waitMs?: number | undefined;
}

/** A table whose rows can be claimed, and which of them: `where` says it with its parameters. */
interface Source<R> {
  table: Table<R>;
  /** Of the changes for which a claim waits. */
  kind: string;
  /** The last column of the primary key, of which `where` fixes the others. */
  id: keyof R & string;
  where: string;
  parameters: Value[];
  called: (row: R) => string;
  /** What a claim changes beside. */
  changes: Partial<R>;
}

interface Claimed<R> {
  rows: R[];
  damaged: { id: string; damaged: { reason: string } }[];
}

/** Gives out the first rows that are not hidden; waits when there are none. */
export async function take<R extends Claimable>(
  tx: Tx,
  input: ClaimInput,
  context: Context,
  source: Source<R>,
): Promise<Claimed<R> | Wait> {
  const { at } = context;
  const ms = input.visibilityMs ?? usualMs;
  const { rows, damaged } = await firstOf(tx, source, at, input.max ?? 1);
  const left = (input.waitMs ?? 0) - (context.waitedMs ?? 0);
  if (rows.length === 0 && left > 0)
    return new Wait(input.app, source.kind, Math.min(left, await nextAfter(tx, source, at)));
  const given: R[] = [];
  for (const row of rows) {
    const claim = await tx.change({ kind: 'claim', id: source.called(row) });
    const next = { ...row, ...source.changes, claim, ...hiddenFor(ms, at), attempts: row.attempts + 1 };
    await tx.put(source.table, next);
    given.push(next);
  }
  return { rows: given, damaged };
}

/** The first rows that can be given out, around those that are damaged. */
async function firstOf<R extends Claimable>(
  tx: Tx,
  { table, id, where, parameters }: Source<R>,
  at: number,
  max: number,
) {
  const found: Claimed<R> = { rows: [], damaged: [] };
  const next = `SELECT ${id}, rank FROM ${table.name} WHERE ${where} AND rank > ? AND ${stateSql()} = 'ready' ORDER BY rank LIMIT ?`;
  let characters = 0;
  for (let after = 0; found.rows.length < max;) {
    const places = await tx.query(next, ...parameters, after, ...timesOf(at), max - found.rows.length);
    if (places.length === 0) break;
    for (const [name = null, rank] of places) {
      after = Number(rank);
      const [row] = await tx.select(table, `WHERE ${where} AND ${id} = ?`, ...parameters, name);
      if (row instanceof Damaged) found.damaged.push({ id: String(name), damaged: { reason: row.reason } });
      if (!row || row instanceof Damaged) continue;
      characters += JSON.stringify(row).length;
      if (characters > maxCharacters && found.rows.length > 0) return found;
      found.rows.push(row);
    }
  }
  return found;
}

/** Milliseconds until the first row that is hidden now is so no more. */
async function nextAfter<R>(tx: Tx, { table, where, parameters }: Source<R>, at: number): Promise<number> {
  const sql = `SELECT min(hidden_until) FROM ${table.name} WHERE ${where} AND ${stateSql()} <> 'ready'`;
  const [found] = await tx.query(sql, ...parameters, ...timesOf(at));
  return found?.[0] == null ? Infinity : Number(found[0]) - at;
}
