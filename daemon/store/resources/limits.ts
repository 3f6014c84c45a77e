import { HoldfastError, invalidField } from '../../../shared/errors.ts';
import type { InputOf, OutputOf } from '../../../shared/operation.ts';
import type * as limits from '../../../shared/resources/limits.ts';
import { page } from '../page.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../tx.ts';
import { guard, required } from './revisions.ts';

// Invariant: `tokens` is what was left at `since`, when the present interval began; `refill` of them come back at the end of
// each. A clock that is set back begins the interval anew, so it costs one interval at most and gives nothing away.

interface LimitRow {
  app: string;
  name: string;
  capacity: number;
  refill: number;
  interval_ms: number;
  tokens: number;
  since: number;
  created_at: number;
  updated_at: number;
  position: number;
}
const limit = table<LimitRow>(
  'rate_limit',
  ['app', 'name'],
  ['capacity', 'refill', 'interval_ms', 'tokens', 'since', 'created_at', 'updated_at', 'position'],
);

/** What is limited without being told. */
const defaults = new Map([['episodes', { capacity: 10, intervalMs: 60_000 }]]);

/** The bucket as it is at this time; one that is full begins its interval with the next token taken. */
function filled(row: LimitRow, at: number): LimitRow {
  if (at < row.since) return { ...row, since: at };
  const intervals = Math.floor((at - row.since) / row.interval_ms);
  const tokens = row.tokens + intervals * row.refill;
  return tokens >= row.capacity
    ? { ...row, tokens: row.capacity, since: at }
    : { ...row, tokens, since: row.since + intervals * row.interval_ms };
}

const toLimit = (row: LimitRow, context: Context): limits.Limit => ({
  name: row.name,
  capacity: row.capacity,
  refill: row.refill,
  intervalMs: row.interval_ms,
  remaining: filled(row, context.at).tokens,
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});

export async function put(tx: Tx, input: InputOf<typeof limits.put>, context: Context) {
  const { app, name, capacity } = input;
  const previous = await tx.find(limit, { app, name });
  guard('limit', previous, input, context);
  if (!previous) context.status = 201;
  return toLimit(await write(tx, input, context, previous, capacity), context);
}

type Setting = Pick<InputOf<typeof limits.put>, 'app' | 'name' | 'refill' | 'intervalMs'>;

/** Writes a limit; what was taken of the one before stays taken. */
async function write(
  tx: Tx,
  { app, name, refill, intervalMs }: Setting,
  context: Context,
  previous: LimitRow | undefined,
  capacity: number,
): Promise<LimitRow> {
  const position = await tx.change({ kind: 'limit', id: name });
  if (previous) await tx.keep(position, 'limit', name, previous);
  const before = previous && filled(previous, context.at);
  const row = {
    app,
    name,
    capacity,
    refill: refill ?? capacity,
    interval_ms: intervalMs,
    tokens: Math.max(capacity - (before ? before.capacity - before.tokens : 0), 0),
    since: before?.since ?? context.at,
    created_at: previous?.created_at ?? context.at,
    updated_at: context.at,
    position,
  };
  await tx.put(limit, row);
  return row;
}

export async function list(tx: Tx, input: InputOf<typeof limits.list>, context: Context) {
  return page(
    tx,
    context,
    limit,
    {
      sort: 'name',
      type: 'string',
      tie: 'name',
      order: input.order ?? 'asc',
      limit: input.limit,
      cursor: input.cursor,
      where: ['app = ?'],
      parameters: [input.app],
    },
    (row) => toLimit(row, context),
    (row) => row.name,
  );
}

async function remove(tx: Tx, input: InputOf<typeof limits.delete>, context: Context) {
  const { app, name } = input;
  const previous = required('limit', await tx.find(limit, { app, name }), input, context);
  const position = await tx.change({ kind: 'limit', id: name });
  await tx.keep(position, 'limit', name, previous);
  await tx.delete(limit, { app, name });
  return { id: name, revision: revisionOf(context, position) };
}
export { remove as delete };

/** Takes tokens. It is no change of the limit, whose revision stays. */
export async function acquire(
  tx: Tx,
  input: InputOf<typeof limits.acquire>,
  context: Context,
): Promise<OutputOf<typeof limits.acquire>> {
  const { app, name, n = 1 } = input;
  const stored = (await tx.find(limit, { app, name })) ?? (await byDefault(tx, app, name, context));
  if (n > stored.capacity)
    throw invalidField('n', `must not exceed ${stored.capacity}, which the limit '${name}' holds`);
  const row = filled(stored, context.at);
  if (row.tokens >= n) {
    await tx.put(limit, { ...row, tokens: row.tokens - n });
    return { ok: true, remaining: row.tokens - n };
  }
  // Or the wait would begin anew with each call, until the clock is where it was.
  if (context.at < stored.since) await tx.put(limit, row);
  const intervals = Math.ceil((n - row.tokens) / row.refill);
  return { ok: false, remaining: row.tokens, retryAfterMs: row.since + intervals * row.interval_ms - context.at };
}

async function byDefault(tx: Tx, app: string, name: string, context: Context): Promise<LimitRow> {
  const usual = defaults.get(name);
  if (!usual) throw new HoldfastError('not_found', `There is no limit named '${name}': set it with limits.put.`);
  return write(tx, { app, name, intervalMs: usual.intervalMs, refill: undefined }, context, undefined, usual.capacity);
}
