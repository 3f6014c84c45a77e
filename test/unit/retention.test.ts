import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readMeta } from '../../daemon/store/meta.ts';
import { prune } from '../../daemon/store/retention.ts';
import { openWriter } from '../../daemon/store/sqlite/connection.ts';
import { migrate } from '../../daemon/store/sqlite/migrate.ts';
import { SqliteWriteTx } from '../../daemon/store/sqlite/write-transaction.ts';

const day = 24 * 3_600_000;
const now = 100 * day;
/** Stands for the age of what a clock noted that was ten years ahead. */
const ahead = 'ahead';
let folder: string;
let tx: SqliteWriteTx;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-retention-'));
  const db = openWriter(join(folder, 'holdfast.db'), () => undefined);
  migrate(db, folder);
  tx = new SqliteWriteTx(db);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** One row of the log per age in days; negative for a message of that age. */
async function fill(ages: (number | typeof ahead)[]): Promise<void> {
  for (const [index, age] of ages.entries()) {
    const at = age === ahead ? now + 3650 * day : now - Math.abs(age) * day;
    tx.startCall({ app: 'a', op: 'x', at, client: null, pid: null, requestId: 'r', key: null });
    const message = { branch: 1, seq: index + 1, role: null, content: '{}' };
    await tx.change({ kind: 'x', id: String(index), ...(age !== ahead && age < 0 && { message }) });
    tx.endCall();
  }
}

const positions = async () =>
  (await tx.query('SELECT position FROM log ORDER BY position')).map(([position]) => position);

it('removes old rows that are no message, and stops at the first young one', async () => {
  await fill([50, -50, 40, 10, 50, 1]);
  expect(await prune(tx, now, { keptMs: 30 * day, keptRows: 0, slice: 100 })).toBe(false);
  expect(await positions()).toEqual([2, 4, 5, 6]);
  expect(await readMeta(tx, 'floor')).toBe('3');
});

it('keeps the newest rows however old they are', async () => {
  await fill([90, 80, 70, 60]);
  await prune(tx, now, { keptMs: 30 * day, keptRows: 3, slice: 100 });
  expect(await positions()).toEqual([2, 3, 4]);
});

it('works in slices until nothing is left to do', async () => {
  await fill([90, -80, 70, 60, 50]);
  let calls = 1;
  while (await prune(tx, now, { keptMs: 30 * day, keptRows: 1, slice: 2 })) calls++;
  expect(calls).toBe(3);
  expect(await positions()).toEqual([2, 5]);
});

it.each([
  ['are as old as the next row', [60, ahead, ahead, 50, 1], [5]],
  ['stay with a young one', [60, ahead, 20, 50, 1], [2, 3, 4, 5]],
  ['stay while there is none', [60, 50, ahead, ahead], [3, 4]],
] as const)('times that are still to come %s', async (_, ages, kept) => {
  await fill([...ages]);
  while (await prune(tx, now, { keptMs: 30 * day, keptRows: 0, slice: 2 }));
  expect(await positions()).toEqual(kept);
});
