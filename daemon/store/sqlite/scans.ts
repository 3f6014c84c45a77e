import { scans } from '../traits.ts';
import type { Reads } from './reads.ts';

/** How many rows make a read too long for the main thread. */
const manyRows = 2000;

/** Whether a read belongs to the reader thread. */
export async function takesLong(reads: Reads, op: string, app: string): Promise<boolean> {
  if (op.startsWith('search.')) return true;
  const rows = scans.get(op);
  if (rows === undefined) return false;
  const found = await reads.snapshot((tx) =>
    tx.query(`SELECT count(*) FROM (SELECT 1 ${rows} LIMIT ?)`, app, manyRows),
  );
  return Number(found[0]?.[0]) === manyRows;
}
