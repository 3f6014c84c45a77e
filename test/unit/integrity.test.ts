import { copyFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkDatabase } from '../../daemon/store/sqlite/integrity.ts';
import { openReader } from '../../daemon/store/sqlite/connection.ts';
import * as feeds from '../../daemon/store/resources/feeds.ts';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import type { Context, Tx } from '../../daemon/store/tx.ts';
import type { IntegrityLine } from '../../shared/integrity.ts';
import { blankRows } from '../integration/claudelet-cells.ts';
import { TxStore } from '../helpers/tx-store.ts';

const app = 'a';
let store: TxStore;
beforeEach(() => (store = new TxStore()));
afterEach(() => store[Symbol.dispose]());

/** What a check says, which ends. */
async function check(db: DatabaseSync) {
  const lines: IntegrityLine[] = [];
  for await (const line of checkDatabase(async (work) => work(db, Infinity))) {
    if (lines.push(line) > 1000) throw new Error('the check does not end');
  }
  return lines;
}

it('rows of a page that cannot be read are named, and those behind it are looked at', async () => {
  await store.run(sessions.create, { app, id: 's' });
  const messages = Array.from({ length: 60 }, (_, n) => ({ id: `m${n}`, text: 'x'.repeat(300) }));
  await store.run(sessions.append, { app, id: 's', messages });
  store.db.exec("UPDATE log SET op = 'y' WHERE id = 'm59'; PRAGMA wal_checkpoint(TRUNCATE)");
  const path = `${store.db.location()}.damaged`;
  copyFileSync(store.db.location() ?? '', path);
  const lost = blankRows(path, 'log', 30);
  const found = (await check(openReader(path))).flatMap((line) => ('damaged' in line ? [line.damaged] : []));
  expect(lost.length).toBeGreaterThan(3);
  expect(found).toMatchObject([
    ...lost.map(() => ({ table: 'log', reason: 'cannot be read' })),
    { id: 'm59', reason: 'wrong checksum' },
  ]);
});

const put = async (tx: Tx, names: string[], context: Context) => {
  for (const name of names) await feeds.put(tx, { app, name, url: 'https://example.org/' }, context);
};

it('where the rest of a table is not looked at, the fault names no record', async () => {
  await store.run(
    put,
    Array.from({ length: 101 }, (_, n) => `secret-${n}`),
  );
  store.db.exec("UPDATE feed SET url = 'https://example.com/'");
  const lines = await check(store.db);
  const faults = lines.flatMap((line) => ('fault' in line ? [line.fault] : []));
  expect(lines.filter((line) => 'damaged' in line)).toHaveLength(100);
  expect(faults).toMatchObject([{ table: 'feed', detail: expect.stringContaining('too many are damaged') as string }]);
  expect(JSON.stringify(faults)).not.toContain('secret');
});
