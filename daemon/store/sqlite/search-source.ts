import { HoldfastError } from '../../../shared/errors.ts';
import { readAround, Unreadable } from '../damage.ts';
import { log, longBytes, type LogRow } from '../log.ts';
import { Damaged, type Tx } from '../tx.ts';

// What the search index reads of the log. Damage of the log is never taken for damage of the index.

/** What a slice of indexing takes at most: rows of the log, and bytes of what they hold. */
const slice = { rows: 500, bytes: 4 * 1024 * 1024 };

/** The sound rows after a position, the position that they reach, and whether there are no more. */
export async function nextSlice(source: Tx, after: number): Promise<{ rows: LogRow[]; to: number; all: boolean }> {
  const sizes = await ofLog(() => sizesAfter(source, after));
  let bytes = 0;
  const over = sizes.findIndex(([, size], index) => (bytes += Number(size)) > slice.bytes && index > 0);
  const taken = over === -1 ? sizes : sizes.slice(0, over);
  const to = Number(taken.at(-1)?.[0] ?? after);
  const read = (low: number, high: number) => source.select(log, 'WHERE position BETWEEN ? AND ?', low, high);
  const rows = to === after ? [] : await readAround(after + 1, to, read);
  const sound = rows.filter((row): row is LogRow => !(row instanceof Damaged));
  return { rows: sound, to, all: over === -1 && sizes.length < slice.rows };
}

/** Positions and sizes. Around a row that cannot be read it goes one position at a time. */
async function sizesAfter(source: Tx, after: number) {
  const sql = `SELECT position, ${longBytes} FROM log WHERE position > ? ORDER BY position LIMIT ?`;
  try {
    return await source.query(sql, after, slice.rows);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const [next] = await source.query(
      'SELECT position, 0 FROM log WHERE position > ? ORDER BY position LIMIT 1',
      after,
    );
    // As many as a whole slice, so that nobody takes this for the end.
    return next ? Array.from({ length: slice.rows }, () => next) : [];
  }
}

/** Whether the log has a message at this position. */
export async function hasMessage(source: Tx, position: number): Promise<boolean> {
  const sql = 'SELECT 1 FROM log WHERE position = ? AND branch IS NOT NULL';
  return (await ofLog(() => source.query(sql, position))).length > 0;
}

async function ofLog<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof Unreadable ? new HoldfastError('damaged', error.message) : error;
  }
}
