import type { Session, SessionSummary } from '../../../../shared/resources/sessions.ts';
import { isoTime, revisionOf, type Context, type Tx } from '../../tx.ts';
import { holderOf } from './guards.ts';
import { isLeased, type HeadRow, type SessionRow } from './rows.ts';

export const toSummary = (row: SessionRow, head: HeadRow, context: Context): SessionSummary => ({
  id: row.id,
  title: row.title,
  model: row.model,
  workingDirectory: row.working_directory,
  status: row.status as SessionSummary['status'],
  head: head.head,
  messageCount: head.head,
  generation: head.generation,
  preview: row.preview,
  inputTokens: head.input_tokens,
  outputTokens: head.output_tokens,
  costNanoUsd: head.cost_nano_usd,
  forkedFrom: row.forked_from === null ? null : { id: row.forked_from, upTo: row.forked_at ?? 0 },
  leasedUntil: isLeased(head, context) ? isoTime(head.lease_until) : null,
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(head.updated_at),
  deletedAt: row.deleted_at === null ? null : isoTime(row.deleted_at),
  revision: revisionOf(context, head.position),
});

export async function toSession(tx: Tx, row: SessionRow, head: HeadRow, context: Context): Promise<Session> {
  return {
    ...toSummary(row, head, context),
    metadata: JSON.parse(row.metadata) as Record<string, unknown>,
    lease: isLeased(head, context) ? await holderOf(tx, head) : null,
  };
}
