import { HoldfastError } from '../../../../shared/errors.ts';
import type { Message } from '../../../../shared/resources/queues/fields.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';
import { atRevision } from '../revisions.ts';
import { heldOf, stateOf, stateSql, type Claimable } from '../claims.ts';

export interface MessageRow extends Claimable {
  app: string;
  queue: string;
  id: string;
  group_name: string | null;
  /** 0: no limit. */
  max_attempts: number;
  created_at: number;
  updated_at: number;
  position: number;
  body: string;
}
export const message = table<MessageRow>(
  'queue_message',
  ['app', 'queue', 'id'],
  [
    'rank',
    'group_name',
    'attempts',
    'max_attempts',
    'claim',
    'hidden_until',
    'hidden_ms',
    'reason',
    'created_at',
    'updated_at',
    'position',
    'body',
  ],
);

const priorities = ['urgent', 'normal', 'low'] as const;
type Priority = Message['priority'];

// A rank is priority first, then place: the position of the change that put the message there. Both in one number, so
// that one index has the order; it stays below 2 ** 53.
const places = 2 ** 51;
export const rankOf = (priority: Priority, place: number): number => priorities.indexOf(priority) * places + place;
export const placeOf = ({ rank }: MessageRow): number => rank % places;
export const priorityOf = ({ rank }: Pick<MessageRow, 'rank'>): Priority =>
  priorities[Math.floor(rank / places)] ?? 'low';

/** Whether a message was given out as often as it may be: it is dead, unless somebody still has it. */
export const exhausted = 'max_attempts > 0 AND attempts >= max_attempts';
const isExhausted = ({ attempts, max_attempts }: MessageRow) => max_attempts > 0 && attempts >= max_attempts;
export const stateOfMessage = (row: MessageRow, at: number) => stateOf(row, at, isExhausted(row));
export const messageState = stateSql(exhausted);

/** How changes name a message: no queue's name holds a slash. */
export const called = ({ queue, id }: { queue: string; id: string }): string => `${queue}/${id}`;

export const toMessage = (row: MessageRow, context: Context): Message => ({
  queue: row.queue,
  id: row.id,
  priority: priorityOf(row),
  group: row.group_name,
  state: stateOfMessage(row, context.at),
  ...heldOf(row, context.at),
  maxAttempts: row.max_attempts || null,
  body: JSON.parse(row.body) as Record<string, unknown>,
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});

interface Address {
  app: string;
  queue: string;
  id: string;
}

export const findMessage = (tx: Tx, { app, queue, id }: Address) => tx.find(message, { app, queue, id });

/** The message, at the revision that the call expects. */
export async function existing(
  tx: Tx,
  input: Address & { expectedRevision?: string | undefined },
  context: Context,
): Promise<MessageRow> {
  const row = await findMessage(tx, input);
  if (!row) {
    const detail = `There is no message '${input.id}' in the queue '${input.queue}': it was acknowledged, removed or never added.`;
    throw new HoldfastError('not_found', detail);
  }
  atRevision('message', row, input.expectedRevision, context);
  return row;
}

/** Writes a change of a message. */
export async function save(tx: Tx, row: MessageRow, context: Context): Promise<MessageRow> {
  const position = await tx.change({ kind: 'queue', id: called(row) });
  const next = { ...row, updated_at: context.at, position };
  await tx.put(message, next);
  return next;
}

/** Removes a message that a person no longer wants, and keeps what it was. */
export async function discard(tx: Tx, row: MessageRow): Promise<number> {
  const position = await tx.change({ kind: 'queue', id: called(row) });
  await tx.keep(position, 'queue', called(row), row);
  await tx.delete(message, row);
  return position;
}
