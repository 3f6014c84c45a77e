import { HoldfastError } from '../../../../shared/errors.ts';
import { isAhead, isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';

/** What people write, seldom. `session_no` is the log position of the session's creation. */
export interface SessionRow {
  session_no: number;
  app: string;
  id: string;
  title: string | null;
  model: string | null;
  working_directory: string | null;
  status: string;
  preview: string | null;
  /** Id of the session it was forked from, as it was then, and the last seq they share. */
  forked_from: string | null;
  forked_at: number | null;
  created_at: number;
  /** When it was deleted; `erased` when it is gone for good and only waits to be swept. */
  deleted_at: number | null;
  metadata: string;
}
export const session = table<SessionRow>(
  'session',
  ['session_no'],
  [
    'app',
    'id',
    'title',
    'model',
    'working_directory',
    'status',
    'preview',
    'forked_from',
    'forked_at',
    'created_at',
    'deleted_at',
    'metadata',
  ],
);
/** `deleted_at` of a session that cannot be restored. */
export const erased = 0;

/** What every append writes: kept narrow, because a page of it is dirtied per session and commit. */
export interface HeadRow {
  session_no: number;
  /** The branch that new messages go to, and the last seq of its parent: see branches.ts. */
  branch: number;
  base: number;
  generation: number;
  head: number;
  /** seq of the message that the preview was taken from, 0 when there is none yet. */
  previewed: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number;
  updated_at: number;
  position: number;
  /** The newest lease, by the position of its grant, 0 for none; its length; when it ends: see guards.ts. */
  lease: number;
  lease_ttl: number;
  lease_until: number;
}
export const sessionHead = table<HeadRow>(
  'session_head',
  ['session_no'],
  [
    'branch',
    'base',
    'generation',
    'head',
    'previewed',
    'input_tokens',
    'output_tokens',
    'cost_nano_usd',
    'updated_at',
    'position',
    'lease',
    'lease_ttl',
    'lease_until',
  ],
);

/** The head of a session without messages. `position` is that of its creation, which is also its number. */
export const newHead = (position: number, context: Context): HeadRow => ({
  session_no: position,
  branch: position,
  base: 0,
  generation: 0,
  head: 0,
  previewed: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_nano_usd: 0,
  updated_at: context.at,
  position,
  lease: 0,
  lease_ttl: 0,
  lease_until: 0,
});

/** Whether somebody holds the lease. */
export const isLeased = ({ lease_until, lease_ttl }: HeadRow, { at }: Context): boolean =>
  isAhead(lease_until, at, lease_ttl);

/** The number of a session, undefined when there is none. Touches the index only. */
export async function findSession(tx: Tx, app: string, id: string): Promise<number | undefined> {
  const [row] = await tx.query(
    'SELECT session_no FROM session WHERE app = ? AND id = ? AND deleted_at IS NULL',
    app,
    id,
  );
  return row?.[0] as number | undefined;
}

export async function sessionNumber(tx: Tx, app: string, id: string): Promise<number> {
  const number = await findSession(tx, app, id);
  if (number !== undefined) return number;
  const [deleted] = await tx.query(
    'SELECT max(deleted_at) FROM session WHERE app = ? AND id = ? AND deleted_at > ?',
    app,
    id,
    erased,
  );
  const when = deleted?.[0];
  const more = typeof when === 'number' ? ` It was deleted at ${isoTime(when)} and can be restored.` : '';
  throw new HoldfastError('not_found', `There is no session '${id}'.${more}`);
}

/** A row that must exist because its session does. */
export function present<R>(row: R | undefined, id: string): R {
  if (!row) throw new HoldfastError('damaged', `A row of session '${id}' is missing from the database.`);
  return row;
}

export const findRow = async (tx: Tx, number: number, id: string) =>
  present(await tx.find(session, { session_no: number }, id), id);
export const findHead = async (tx: Tx, number: number, id: string) =>
  present(await tx.find(sessionHead, { session_no: number }, id), id);

/** The error for a session id that is taken. */
export async function taken(tx: Tx, number: number, id: string, context: Context): Promise<HoldfastError> {
  const head = await tx.find(sessionHead, { session_no: number }, id);
  return new HoldfastError('exists', `A session '${id}' exists.`, {
    ...(head && { current: revisionOf(context, head.position) }),
  });
}
