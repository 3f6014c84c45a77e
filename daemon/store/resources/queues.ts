import { HoldfastError, invalidField } from '../../../shared/errors.ts';
import { maxDocument, mergePatch, type Json } from '../../../shared/json.ts';
import type { InputOf, OutputOf } from '../../../shared/operation.ts';
import type * as queues from '../../../shared/resources/queues.ts';
import { uuidv7 } from '../../../shared/uuid.ts';
import { fitting, page } from '../page.ts';
import { Damaged, isoTime, revisionOf, type Context, type Tx, type Value } from '../tx.ts';
import { admit, free, hiddenFor, isClaimed, timesOf } from './claims.ts';
import {
  discard,
  existing,
  findMessage,
  message,
  messageState,
  placeOf,
  priorityOf,
  rankOf,
  save,
  stateOfMessage,
  toMessage,
  called,
  type MessageRow,
} from './queues/rows.ts';

export { ack, claim, nack } from './queues/claim.ts';

const all = 'FROM queue_message WHERE app = ?';
export const scans = { list: all, stats: all };

/** Messages that one call of `clear` removes at most. */
const slice = 1000;

/** For how long, from now, nobody is given a message of this time. */
const waitOf = (notBefore: string | null | undefined, at: number) =>
  hiddenFor(notBefore == null ? 0 : Date.parse(notBefore) - at, at);

export async function add(tx: Tx, input: InputOf<typeof queues.add>, context: Context) {
  const { app, queue, id = uuidv7() } = input;
  const before = await findMessage(tx, { app, queue, id });
  if (before) {
    const current = revisionOf(context, before.position);
    throw new HoldfastError('exists', `A message '${id}' is in the queue '${queue}'.`, { current });
  }
  const position = await tx.change({ kind: 'queue', id: called({ queue, id }) });
  const row: MessageRow = {
    app,
    queue,
    id,
    rank: rankOf(input.priority ?? 'normal', position),
    group_name: input.group ?? null,
    attempts: 0,
    max_attempts: 0,
    claim: 0,
    ...waitOf(input.notBefore, context.at),
    reason: null,
    created_at: context.at,
    updated_at: context.at,
    position,
    body: JSON.stringify(input.body),
  };
  await tx.insert(message, row);
  return toMessage(row, context);
}

export async function get(tx: Tx, input: InputOf<typeof queues.get>, context: Context) {
  return toMessage(await existing(tx, input, context), context);
}

export async function list(tx: Tx, input: InputOf<typeof queues.list>, context: Context) {
  const { app, queue, group, state, limit, cursor } = input;
  const where = ['app = ?', 'queue = ?', `${messageState} ${state === undefined ? '<>' : '='} ?`];
  const parameters: Value[] = [app, queue, ...timesOf(context.at), state ?? 'dead'];
  if (group !== undefined) {
    where.push('group_name = ?');
    parameters.push(group);
  }
  const order = { sort: 'rank', type: 'number', tie: 'id', order: input.order ?? 'asc' } as const;
  return page(
    tx,
    context,
    message,
    { ...order, limit, cursor, where, parameters },
    (row) => toMessage(row, context),
    (row) => row.id,
  );
}

/** Refuses what would be done behind the back of the one who has claimed the message. */
function guardClaim(row: MessageRow, { at }: Context): void {
  if (!isClaimed(row, at)) return;
  throw new HoldfastError('leased', `Somebody has claimed message '${row.id}' until ${isoTime(row.hidden_until)}.`);
}

export async function edit(tx: Tx, input: InputOf<typeof queues.edit>, context: Context) {
  const row = await existing(tx, input, context);
  const { body, priority, group, notBefore } = input.patch;
  if (input.claim === undefined) guardClaim(row, context);
  else {
    admit(row, input.claim, context, `message '${row.id}'`);
    if (notBefore !== undefined)
      throw invalidField('patch.notBefore', 'is of no use while the message is claimed: nack it with delayMs');
  }
  const text = JSON.stringify(mergePatch(JSON.parse(row.body) as Json, body ?? {}));
  if (text.length > maxDocument) {
    throw invalidField('patch.body', `must not make the body exceed ${maxDocument} characters`);
  }
  const next = {
    ...row,
    // Whoever is late with it has worked on what it was before.
    ...(input.claim === undefined && { claim: 0 }),
    ...(notBefore !== undefined && waitOf(notBefore, context.at)),
    rank: rankOf(priority ?? priorityOf(row), placeOf(row)),
    group_name: group === undefined ? row.group_name : group,
    body: text,
  };
  const saved = await save(tx, next, context);
  await tx.keep(saved.position, 'queue', called(row), row);
  return toMessage(saved, context);
}

export async function remove(tx: Tx, input: InputOf<typeof queues.remove>, context: Context) {
  const row = await existing(tx, input, context);
  guardClaim(row, context);
  return { id: row.id, revision: revisionOf(context, await discard(tx, row)) };
}

/** The messages named get, in this order, the places that they have among the others. */
export async function reorder(tx: Tx, input: InputOf<typeof queues.reorder>, context: Context) {
  const { app, queue } = input;
  // Without their bodies: each is read again when it is moved.
  const rows: Pick<MessageRow, 'id' | 'rank' | 'group_name'>[] = [];
  for (const each of input.ids) {
    const { id, rank, group_name } = await existing(tx, { app, queue, id: each }, context);
    rows.push({ id, rank, group_name });
  }
  const [first] = rows;
  const other = rows.find(
    (row) => row.group_name !== first?.group_name || priorityOf(row) !== (first && priorityOf(first)),
  );
  if (other) throw invalidField('ids', `must be of one group and priority, which '${other.id}' is not`);
  const ranks = rows.map(({ rank }) => rank).toSorted((one, another) => one - another);
  const ids: string[] = [];
  for (const [index, { id, rank: before }] of rows.entries()) {
    const rank = ranks[index] ?? before;
    if (rank === before) continue;
    await save(tx, { ...(await existing(tx, { app, queue, id }, context)), rank }, context);
    ids.push(id);
  }
  return { ids };
}

export async function requeue(tx: Tx, input: InputOf<typeof queues.requeue>, context: Context) {
  const row = await existing(tx, input, context);
  if (stateOfMessage(row, context.at) !== 'dead') return toMessage(row, context);
  const position = await tx.change({ kind: 'queue', id: called(row) });
  const fresh = { attempts: 0, max_attempts: 0, reason: null, ...free(0, context.at) };
  const next = { ...row, ...fresh, rank: rankOf(priorityOf(row), position), updated_at: context.at, position };
  await tx.put(message, next);
  return toMessage(next, context);
}

export async function clear(tx: Tx, input: InputOf<typeof queues.clear>, context: Context) {
  const { app, queue, group, dead, dryRun } = input;
  const where = `WHERE app = ? AND queue = ?${group === undefined ? '' : ' AND group_name = ?'} AND ${messageState}`;
  const parameters = [app, queue, ...(group === undefined ? [] : [group]), ...timesOf(context.at)];
  const wanted = dead === true ? "= 'dead'" : "IN ('ready', 'delayed')";
  const count = async (which: string) =>
    Number((await tx.query(`SELECT count(*) FROM queue_message ${where} ${which}`, ...parameters))[0]?.[0]);
  const [found, claimed] = [await count(wanted), await count("= 'claimed'")];
  if (dryRun === true) return { cleared: 0, left: found, claimed };
  const tail = `${where} ${wanted} ORDER BY rank LIMIT ?`;
  // What they were is kept, so it is written again.
  const most = await fitting(tx, message, tail, parameters, slice);
  const ids = await tx.query(`SELECT id FROM queue_message ${tail}`, ...parameters, most);
  for (const [id = null] of ids) {
    const [row] = await tx.select(message, 'WHERE app = ? AND queue = ? AND id = ?', app, queue, id);
    // A damaged one goes too: it was asked for, and what it was is kept as it is.
    if (row) await discard(tx, row instanceof Damaged ? row.row : row);
  }
  return { cleared: ids.length, left: found - ids.length, claimed };
}

export async function stats(tx: Tx, input: InputOf<typeof queues.stats>, context: Context) {
  const states = `SELECT queue, created_at, ${messageState} AS state FROM queue_message WHERE app = ?`;
  const sql = `SELECT queue, state, count(*), min(created_at) FROM (${states}) GROUP BY queue, state ORDER BY queue`;
  const found: OutputOf<typeof queues.stats>['queues'] = [];
  for (const [queue, state, count, oldest] of await tx.query(sql, ...timesOf(context.at), input.app)) {
    let one = found.find((known) => known.queue === queue);
    if (!one) {
      one = { queue: String(queue), ready: 0, claimed: 0, delayed: 0, dead: 0, oldestReadyAt: null };
      found.push(one);
    }
    one[state as 'ready' | 'claimed' | 'delayed' | 'dead'] = Number(count);
    if (state === 'ready') one.oldestReadyAt = isoTime(Number(oldest));
  }
  return { queues: found };
}
