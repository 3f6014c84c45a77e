import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { checksum } from '../../daemon/store/sqlite/transaction.ts';

/** Changes a database behind the daemon's back: none may have it open. */
export function tamper<T>(database: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(database);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** Runs a change that must hit exactly one row: a damage that was not done proves nothing. */
export function changeOne(db: DatabaseSync, sql: string, ...parameters: SQLInputValue[]): void {
  const changes = Number(db.prepare(sql).run(...parameters).changes);
  if (changes !== 1) throw new Error(`${changes} rows, not one: ${sql}`);
}

interface Column {
  name: string;
  pk: number;
}

/** Makes the checksums of a table right again, so that nothing but a seal can notice; throws unless so many were wrong. */
export function mendSums(db: DatabaseSync, table: string, wrong: number): void {
  const all = db.prepare(`PRAGMA table_info(${table})`).all() as unknown as Column[];
  const columns = all.filter(({ name }) => name !== 'sum').map(({ name }) => name);
  const key = all.filter(({ pk }) => pk > 0).map(({ name }) => name);
  const update = db.prepare(`UPDATE ${table} SET sum = ? WHERE ${key.map((name) => `${name} = ?`).join(' AND ')}`);
  let mended = 0;
  for (const row of db.prepare(`SELECT * FROM ${table}`).all() as Record<string, string | number | null>[]) {
    const sum = checksum(columns.map((name) => row[name] ?? null));
    if (sum === row['sum']) continue;
    update.run(sum, ...key.map((name) => row[name] ?? null));
    mended += 1;
  }
  if (mended !== wrong) throw new Error(`${mended} checksums of ${table} were wrong, not ${wrong}`);
}

/** A sealed value with one bit of its bytes turned over. */
export function flipBit(sealed: string, bit: number): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const byte = bytes[bit >> 3];
  if (byte === undefined) throw new Error(`there is no bit ${bit} in ${bytes.length} bytes`);
  bytes[bit >> 3] = byte ^ (1 << (bit & 7));
  return bytes.toString('base64url');
}

/** A bit of each part of a sealed value: version, key id, nonce, first of the text, last of the tag. */
export const bitsOf = (sealed: string): number[] => [1, 8, 60, 138, Buffer.from(sealed, 'base64url').length * 8 - 1];

export interface SealedRow {
  app: string;
  kind: string;
  record: number;
  field: string;
  sealed: string;
}
/** The sealed value of a field: of the newest record of its kind in the application. */
export function sealedRow(db: DatabaseSync, app: string, kind: string, field: string): SealedRow {
  const sql = 'SELECT * FROM secret WHERE app = ? AND kind = ? AND field = ? ORDER BY record DESC LIMIT 1';
  const row = db.prepare(sql).get(app, kind, field);
  if (!row) throw new Error(`${app} has no ${field} of ${kind}`);
  return row as unknown as SealedRow;
}
export function setSealed(db: DatabaseSync, { app, kind, record, field }: SealedRow, sealed: string): void {
  const where = 'app = ? AND kind = ? AND record = ? AND field = ?';
  changeOne(db, `UPDATE secret SET sealed = ? WHERE ${where}`, sealed, app, kind, record, field);
}
