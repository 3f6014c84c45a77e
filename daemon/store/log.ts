import { table } from './tx.ts';

/**
 * The one log: every change is a row, in commit order. A message is a change that has content. The change stream,
 * the audit, undo, wake-ups and replays of idempotent calls all read this table, so it cannot disagree with itself.
 *
 * `request` is the position of the first row that the same call wrote; that row alone carries who asked, the
 * idempotency key and the answer. Content comes last: reading the other columns never touches its overflow pages.
 * `branch` and `seq` are the place of a message: see resources/sessions/branches.ts.
 */
export interface LogRow {
  position: number;
  at: number;
  app: string;
  kind: string;
  id: string;
  op: string;
  request: number;
  branch: number | null;
  seq: number | null;
  role: string | null;
  client: string | null;
  pid: number | null;
  request_id: string | null;
  key: string | null;
  fingerprint: string | null;
  status: number | null;
  answer: string | null;
  content: string | null;
}

export const log = table<LogRow>(
  'log',
  ['position'],
  [
    'at',
    'app',
    'kind',
    'id',
    'op',
    'request',
    'branch',
    'seq',
    'role',
    'client',
    'pid',
    'request_id',
    'key',
    'fingerprint',
    'status',
    'answer',
    'content',
  ],
);

/** Bytes of what may be long in a row, as SQL: it tells them without reading that. */
export const longBytes = 'coalesce(octet_length(content), 0) + coalesce(octet_length(answer), 0)';

/** Previous values of mutable records, by the position of the change that replaced them. */
export interface HistoryRow {
  position: number;
  app: string;
  kind: string;
  id: string;
  value: string;
}
export const history = table<HistoryRow>('history', ['position'], ['app', 'kind', 'id', 'value']);
