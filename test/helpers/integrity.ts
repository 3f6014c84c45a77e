import { DatabaseSync } from 'node:sqlite';

/** What SQLite says of a database that no daemon has open: `ok`, or what is wrong. */
export function integrityOf(database: string): string {
  const db = new DatabaseSync(database);
  try {
    return String(db.prepare('PRAGMA integrity_check').get()?.['integrity_check']);
  } finally {
    db.close();
  }
}
