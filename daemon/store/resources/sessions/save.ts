import type { Context, Tx } from '../../tx.ts';
import { session, sessionHead, type HeadRow, type SessionRow } from './rows.ts';

/** Writes a head that a call changed. */
export async function putHead(tx: Tx, before: HeadRow, next: HeadRow, context: Context): Promise<HeadRow> {
  if (next.position === before.position) return before;
  const row = { ...next, updated_at: context.at };
  await tx.put(sessionHead, row);
  return row;
}

/** Writes the session row and logs its change, where anything of it or of the sums differs. */
export async function putRow(
  tx: Tx,
  before: HeadRow,
  next: HeadRow,
  row: SessionRow,
  saved: SessionRow,
): Promise<void> {
  const { preview: _, ...fields } = saved;
  const changed = (Object.keys(fields) as (keyof typeof fields)[]).some((name) => row[name] !== saved[name]);
  const sums = (['input_tokens', 'output_tokens', 'cost_nano_usd'] as const).some(
    (name) => before[name] !== next[name],
  );
  if (changed || sums) {
    next.position = await tx.change({ kind: 'session', id: row.id });
    await tx.keep(next.position, 'session', row.id, row);
  }
  if (changed || saved.preview !== row.preview) await tx.put(session, saved);
}
