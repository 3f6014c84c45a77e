import { writeMeta } from '../../daemon/store/meta.ts';
import { openWriter } from '../../daemon/store/sqlite/connection.ts';
import { SqliteWriteTx } from '../../daemon/store/sqlite/write-transaction.ts';

/** Makes a position the floor of the log, as if all before it had gone long since: no daemon may have the database open. */
export async function raiseFloor(database: string, position: number): Promise<void> {
  const db = openWriter(database, () => undefined);
  try {
    const tx = new SqliteWriteTx(db);
    tx.begin();
    await writeMeta(tx, 'floor', String(position));
    tx.commit();
  } finally {
    db.close();
  }
}
