import type { Reads } from './reads.ts';

/** Reads that look at every row of an application: those rows, and how many make that too long for the main thread. */
const sessions = 'SELECT 1 FROM session WHERE app = ? AND deleted_at IS NULL LIMIT ?';
const messages = 'SELECT 1 FROM queue_message WHERE app = ? LIMIT ?';
const scans = new Map([
  ['sessions.list', sessions],
  ['sessions.resumable', sessions],
  ['queues.list', messages],
  ['queues.stats', messages],
  ['files.stats', 'SELECT 1 FROM file_change WHERE app = ? LIMIT ?'],
  ['costs.list', 'SELECT 1 FROM cost WHERE app = ? LIMIT ?'],
  ['costs.summary', 'SELECT 1 FROM cost_sum WHERE app = ? LIMIT ?'],
]);
const manyRows = 2000;

/** Whether a read belongs to the reader thread. */
export async function takesLong(reads: Reads, op: string, app: string): Promise<boolean> {
  if (op.startsWith('search.')) return true;
  const rows = scans.get(op);
  if (rows === undefined) return false;
  const found = await reads.snapshot((tx) => tx.query(`SELECT count(*) FROM (${rows})`, app, manyRows));
  return Number(found[0]?.[0]) === manyRows;
}
