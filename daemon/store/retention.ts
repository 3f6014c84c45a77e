import { history, log } from './log.ts';
import { readMeta, writeMeta } from './meta.ts';
import type { Tx } from './tx.ts';

export interface Retention {
  /** Rows of the log that are no message are kept so many milliseconds, */
  keptMs: number;
  /** and the newest so many rows however old they are. */
  keptRows: number;
  /** Rows one call looks at, so that no writer waits long. */
  slice: number;
}
export const retention: Retention = { keptMs: 30 * 24 * 3_600_000, keptRows: 100_000, slice: 1000 };

/** When the newest change was made; null before the first. */
export async function newestChange(tx: Tx): Promise<{ at: number | null }> {
  const [row] = await tx.query('SELECT at FROM log ORDER BY position DESC LIMIT 1');
  return { at: row ? Number(row[0]) : null };
}

/** The time of the first row after a position that is not still to come; now, when there is none. */
async function timeAfter(tx: Tx, position: number, now: number): Promise<number> {
  const sql = 'SELECT at FROM log WHERE position > ? AND at <= ? ORDER BY position LIMIT 1';
  const [row] = await tx.query(sql, position, now);
  return Number(row?.[0] ?? now);
}

/**
 * Removes what the log need not keep any more, and with it what the changes replaced, a slice at a time, and moves its floor on: a position at or below the
 * floor may be gone. Messages stay as long as their session. Answers whether there may be more.
 */
export async function prune(tx: Tx, now: number, { keptMs, keptRows, slice }: Retention): Promise<boolean> {
  const floor = Number((await readMeta(tx, 'floor')) ?? 0);
  const [newest] = await tx.query('SELECT max(position) FROM log');
  const rows = await tx.query(
    'SELECT position, at, branch FROM log WHERE position > ? AND position <= ? ORDER BY position LIMIT ?',
    floor,
    Number(newest?.[0] ?? 0) - keptRows,
    slice,
  );
  // A clock that was ahead noted times that are still to come: such a row is as old as the next one that is not.
  let time = await timeAfter(tx, Number(rows.at(-1)?.[0] ?? floor), now);
  const times = rows.toReversed().map(([, at]) => (time = Number(at) > now ? time : Number(at)));
  const young = times.toReversed().findIndex((at) => at >= now - keptMs);
  const old = young === -1 ? rows : rows.slice(0, young);
  for (const [position, , branch] of old) {
    if (branch === null) await tx.delete(log, { position: Number(position) });
    await tx.delete(history, { position: Number(position) });
  }
  const last = old.at(-1);
  if (last) await writeMeta(tx, 'floor', String(last[0]));
  return old.length === slice;
}
