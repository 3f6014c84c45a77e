import { HoldfastError } from '../../../../shared/errors.ts';
import type { Session, SessionSummary } from '../../../../shared/resources/sessions.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';

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
  created_at: number;
  metadata: string;
}
export const session = table<SessionRow>(
  'session',
  ['session_no'],
  ['app', 'id', 'title', 'model', 'working_directory', 'status', 'preview', 'created_at', 'metadata'],
);

/** What every append writes: kept narrow, because a page of it is dirtied per session and commit. */
export interface HeadRow {
  session_no: number;
  head: number;
  previewed: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number;
  updated_at: number;
  position: number;
}
export const sessionHead = table<HeadRow>(
  'session_head',
  ['session_no'],
  ['head', 'previewed', 'input_tokens', 'output_tokens', 'cost_nano_usd', 'updated_at', 'position'],
);

/** The number of a session, undefined when there is none. Touches the index only. */
export async function findSession(tx: Tx, app: string, id: string): Promise<number | undefined> {
  const [row] = await tx.query('SELECT session_no FROM session WHERE app = ? AND id = ?', app, id);
  return row?.[0] as number | undefined;
}

export async function sessionNumber(tx: Tx, app: string, id: string): Promise<number> {
  const number = await findSession(tx, app, id);
  if (number === undefined) throw new HoldfastError('not_found', `There is no session '${id}'.`);
  return number;
}

/** A row that must exist because its session does. */
export function present<R>(row: R | undefined, id: string): R {
  if (!row) throw new HoldfastError('damaged', `A row of session '${id}' is missing from the database.`);
  return row;
}

export const toSummary = (row: SessionRow, head: HeadRow, context: Context): SessionSummary => ({
  id: row.id,
  title: row.title,
  model: row.model,
  workingDirectory: row.working_directory,
  status: row.status as SessionSummary['status'],
  head: head.head,
  messageCount: head.head,
  preview: row.preview,
  inputTokens: head.input_tokens,
  outputTokens: head.output_tokens,
  costNanoUsd: head.cost_nano_usd,
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(head.updated_at),
  revision: revisionOf(context, head.position),
});

export const toSession = (row: SessionRow, head: HeadRow, context: Context): Session => ({
  ...toSummary(row, head, context),
  metadata: JSON.parse(row.metadata) as Record<string, unknown>,
});
