import { invalidField } from '../../../../shared/errors.ts';
import { Damaged, table, type Tx, type Value } from '../../tx.ts';
import { cost, dayMs, dayOf, type CostRow } from './rows.ts';

// Invariant: a sum is what the records of its day and kind add up to, archived or not: it changes in their transaction. So
// a summary reads few rows, each with its checksum, and not a million records.

interface SumKey {
  app: string;
  /** 1: told apart by session and feed too. */
  detail: number;
  day: number;
  provider: string;
  model: string;
  operation: string;
  /** Empty for none. */
  session: string;
  feed: string;
}
export interface Amounts {
  records: number;
  unknown: number;
  input_tokens: number;
  output_tokens: number;
  nano_usd: number;
  archived: number;
  archived_nano_usd: number;
}
export type SumRow = SumKey & Amounts;
const key = ['app', 'detail', 'day', 'provider', 'model', 'operation', 'session', 'feed'] as const;
const amounts = [
  'records',
  'unknown',
  'input_tokens',
  'output_tokens',
  'nano_usd',
  'archived',
  'archived_nano_usd',
] as const;
export const sum = table<SumRow>('cost_sum', key, amounts);

export const nothing: Readonly<Amounts> = {
  records: 0,
  unknown: 0,
  input_tokens: 0,
  output_tokens: 0,
  nano_usd: 0,
  archived: 0,
  archived_nano_usd: 0,
};

/** Adds in place: a summary may look at many rows. */
export function addTo(all: Amounts, more: Amounts): Amounts {
  for (const name of amounts) all[name] += more[name];
  return all;
}

/** What one record adds. */
export const amountsOf = (row: CostRow): Amounts => ({
  records: 1,
  unknown: row.nano_usd === null ? 1 : 0,
  input_tokens: row.input_tokens,
  output_tokens: row.output_tokens,
  nano_usd: row.nano_usd ?? 0,
  archived: row.archived,
  archived_nano_usd: row.archived === 1 ? (row.nano_usd ?? 0) : 0,
});

/** What one record adds when it is archived. */
export const archiving = ({ nano_usd: nanoUsd }: CostRow): Amounts => ({
  ...nothing,
  archived: 1,
  archived_nano_usd: nanoUsd ?? 0,
});

/** Adds what these records, which are stored, add to the sums of theirs. */
export async function addToSums(tx: Tx, rows: CostRow[], added: (row: CostRow) => Amounts): Promise<void> {
  const changes = new Map<string, { of: SumKey; by: Amounts }>();
  for (const row of rows) {
    for (const of of keysOf(row)) {
      const id = JSON.stringify(Object.values(of));
      const change = changes.get(id) ?? { of, by: { ...nothing } };
      addTo(change.by, added(row));
      changes.set(id, change);
    }
  }
  for (const { of, by } of changes.values()) await add(tx, of, by);
}

function keysOf({ app, at, provider, model, operation, session, feed }: CostRow): SumKey[] {
  const of = { app, detail: 0, day: dayOf(at), provider, model, operation, session: '', feed: '' };
  return [of, { ...of, detail: 1, session: session ?? '', feed: feed ?? '' }];
}

async function add(tx: Tx, of: SumKey, by: Amounts): Promise<void> {
  const tail = `WHERE ${key.map((name) => `${name} = ?`).join(' AND ')}`;
  const [found] = await tx.select(sum, tail, ...key.map((name) => of[name]));
  // A sum that is damaged is made again: it must not keep anybody from recording.
  const next = found instanceof Damaged ? await fromRecords(tx, of) : addTo({ ...(found ?? nothing) }, by);
  if (!amounts.every((name) => Number.isSafeInteger(next[name]))) {
    throw invalidField('costNanoUsd', `must not raise a sum of its day above ${Number.MAX_SAFE_INTEGER}`);
  }
  await tx.put(sum, { ...of, ...next });
}

/** The sum as its records give it; of one that is damaged nobody knows the cost. */
async function fromRecords(tx: Tx, of: SumKey): Promise<Amounts> {
  const { app, day, provider, model, operation } = of;
  const parameters: Value[] = [app, day * dayMs, (day + 1) * dayMs, provider, model, operation];
  let tail =
    'WHERE app = ? AND archived IN (0, 1) AND at >= ? AND at < ? AND provider = ? AND model = ? AND operation = ?';
  if (of.detail === 1) {
    tail += " AND coalesce(session, '') = ? AND coalesce(feed, '') = ?";
    parameters.push(of.session, of.feed);
  }
  const all = { ...nothing };
  // One at a time: each may have a document beside it.
  for (const [position = null] of await tx.query(`SELECT position FROM cost ${tail}`, ...parameters)) {
    const [row] = await tx.select(cost, 'WHERE position = ?', position);
    if (row) addTo(all, row instanceof Damaged ? { ...nothing, records: 1, unknown: 1 } : amountsOf(row));
  }
  return all;
}

/** The sums that fit, a day at a time: a year of them at once would be much memory. */
export async function* sumsOf(tx: Tx, where: string[], parameters: Value[]) {
  const tail = where.join(' AND ');
  let day = -Infinity;
  for (;;) {
    const after = Number.isFinite(day) ? day : Number.MIN_SAFE_INTEGER;
    const [next] = await tx.query(`SELECT min(day) FROM cost_sum WHERE ${tail} AND day > ?`, ...parameters, after);
    if (typeof next?.[0] !== 'number') return;
    day = next[0];
    yield* await tx.select(sum, `WHERE ${tail} AND day = ?`, ...parameters, day);
  }
}
