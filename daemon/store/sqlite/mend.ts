import type { DatabaseSync } from 'node:sqlite';
import { Unreadable } from '../damage.ts';
import { session } from '../resources/sessions/rows.ts';
import { Damaged } from '../tx.ts';
import type { SqliteTx } from './transaction.ts';

/**
 * A damaged index hides sessions without a word. At every start it is compared with the rows and made anew from them,
 * but only when each of these is sound: of a damaged row, the index is what still tells whose it is. Answers whether it was.
 */
export async function mendIndexes(db: DatabaseSync, tx: SqliteTx): Promise<boolean> {
  const [found] = db.prepare('PRAGMA integrity_check(session)').all();
  if (found?.['integrity_check'] === 'ok') return false;
  try {
    const rows = await tx.select(session, 'NOT INDEXED');
    if (rows.some((row) => row instanceof Damaged)) return false;
    db.exec('REINDEX session');
    return true;
  } catch (error) {
    // The rows cannot be read: each read of them tells.
    if (!(error instanceof Unreadable)) throw error;
    return false;
  }
}
