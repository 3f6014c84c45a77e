import { existsSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { openSearch } from './connection.ts';

/** Raised when what the file holds would be another: an older file is made anew. */
const layout = 1;
const schema = `
  CREATE TABLE state (layout INTEGER NOT NULL, epoch TEXT NOT NULL, indexed_to INTEGER NOT NULL, anchor TEXT NOT NULL) STRICT;
  CREATE TABLE day (day INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL) STRICT;
  CREATE VIRTUAL TABLE message USING fts5 (
    text, facet, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
  );
`;

/** The file as this code and this store need it; any other is deleted and begun anew, which `rebuilt` is told. */
export function openSearchFile(path: string, epoch: string, head: number, rebuilt: () => void): DatabaseSync {
  const existed = existsSync(path);
  try {
    const db = openSearch(path);
    if (fits(db, epoch, head)) return db;
    db.close();
  } catch {
    // Begun anew below, which tells if the disk is what fails.
  }
  removeSearchFile(path);
  const db = openSearch(path);
  try {
    db.exec(`BEGIN; ${schema}`);
    db.prepare("INSERT INTO state VALUES (?, ?, 0, '')").run(layout, epoch);
    db.exec('COMMIT');
    if (existed) rebuilt();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function fits(db: DatabaseSync, epoch: string, head: number): boolean {
  try {
    const state = db.prepare('SELECT layout, epoch, indexed_to, anchor FROM state').get();
    db.prepare('SELECT count(*) FROM message WHERE message MATCH ?').get('"holdfast"');
    return state?.['layout'] === layout && state['epoch'] === epoch && Number(state['indexed_to']) <= head;
  } catch {
    return false;
  }
}

export function removeSearchFile(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
}
