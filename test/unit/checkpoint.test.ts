import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Checkpointer } from '../../daemon/store/sqlite/checkpoint.ts';
import { busyMs, openReader, openWriter } from '../../daemon/store/sqlite/connection.ts';

// Invariant: a checkpoint that nobody asked for waits for no reader, because whoever writes would wait with it; it is tried
// again until the WAL is empty.

let folder: string;
let db: DatabaseSync;
let reader: DatabaseSync;
let checkpointer: Checkpointer;
/** How long each checkpoint might have waited for others, in milliseconds. */
let waits: unknown[];
let reports: unknown[];

const waitOf = () => db.prepare('PRAGMA busy_timeout').get()?.['timeout'];
const walBytes = () => statSync(join(folder, 'holdfast.db-wal')).size;
function write(): void {
  db.exec('INSERT INTO t VALUES (1)');
  checkpointer.afterCommit();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  folder = mkdtempSync(join(tmpdir(), 'holdfast-checkpoint-'));
  db = openWriter(join(folder, 'holdfast.db'), () => undefined);
  db.exec('CREATE TABLE t (n)');
  reader = openReader(join(folder, 'holdfast.db'));
  [waits, reports] = [[], []];
  const prepare = db.prepare.bind(db);
  vi.spyOn(db, 'prepare').mockImplementation((sql) => {
    if (sql.includes('TRUNCATE')) waits.push(waitOf());
    return prepare(sql);
  });
  checkpointer = new Checkpointer(db, (failure) => reports.push(failure));
});
afterEach(() => {
  checkpointer.stop();
  reader.close();
  db.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it('does not wait for a read that takes long, and empties the WAL when that has gone', () => {
  write();
  reader.exec('BEGIN; SELECT * FROM t');
  write();
  vi.advanceTimersByTime(3000);
  expect(waits).toEqual([0, 0, 0]);
  expect(walBytes()).toBeGreaterThan(0);
  // What is asked for waits as before, and a write in between is nobody's to hold up.
  expect(waitOf()).toBe(busyMs);
  write();
  reader.exec('ROLLBACK');
  vi.advanceTimersByTime(1000);
  expect(walBytes()).toBe(0);
  expect(reports).toEqual([undefined]);
});

it('is not tried again when the WAL is empty', () => {
  write();
  vi.advanceTimersByTime(10_000);
  expect([waits, walBytes()]).toEqual([[0], 0]);
});

it.each(['settle', 'finish'] as const)('red control: %s waits, for it must be done', (what) => {
  write();
  checkpointer[what]();
  expect([waits, walBytes()]).toEqual([[busyMs], 0]);
});
