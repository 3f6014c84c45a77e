import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { checksum } from '../../daemon/store/sqlite/transaction.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client({ client: 'test/1' });
});
afterAll(() => home[Symbol.asyncDispose]());

/** Versions of a document, oldest first. */
const numbers = async (name: string) =>
  itemsOf(await client.config.versions({ name, order: 'asc', limit: 1000 })).map(({ version }) => version);

describe('the history of a document', () => {
  it('has every change: who, when, by what, also over a removal', async () => {
    await client.config.put({ name: 'h', value: { a: 1, b: [1] } });
    await client.config.set({ name: 'h', path: '/a', value: 2 });
    await client.config.patch({ name: 'h', patch: { b: null } });
    const tombstone = await client.config.delete({ name: 'h' });
    expect(await refusal(client.config.get({ name: 'h' }))).toMatchObject({ code: 'not_found' });
    await client.config.put({ name: 'h', value: 'new' });

    const pages = await walk((page) => client.config.versions({ name: 'h', limit: 2, ...page }));
    const items = itemsOf(pages);
    expect(items.map(({ version, op, size }) => [version, op, size])).toEqual([
      [5, 'config.put', 5],
      [4, 'config.delete', null],
      [3, 'config.patch', 7],
      [2, 'config.set', 15],
      [1, 'config.put', 15],
    ]);
    expect(items[1]?.revision).toBe(tombstone.revision);
    for (const { client: by, pid, at } of items)
      expect([by, pid, at]).toEqual(['test/1', process.pid, expect.any(String)]);
    const values = [];
    for (const version of [1, 2, 3, 5]) values.push((await client.config.version({ name: 'h', version })).value);
    expect(values).toEqual([{ a: 1, b: [1] }, { a: 2, b: [1] }, { a: 2 }, 'new']);
    for (const version of [4, 6]) {
      expect(await refusal(client.config.version({ name: 'h', version }))).toMatchObject({ code: 'not_found' });
    }
  });

  it('tells what differs by path, between any two, and from the newest', async () => {
    await client.config.put({ name: 'd', value: { same: 1, list: [1], 'x/y': { deep: 1, gone: null } } });
    await client.config.put({ name: 'd', value: { list: [1, 2], 'x/y': { deep: '1' }, new: {}, same: 1 } });
    await client.config.delete({ name: 'd' });
    const changes = [
      { path: '/list', before: [1], after: [1, 2] },
      { path: '/x~1y/deep', before: 1, after: '1' },
      { path: '/x~1y/gone', before: null },
      { path: '/new', after: {} },
    ];
    expect(await client.config.diff({ name: 'd', from: 1, to: 2 })).toEqual({ name: 'd', from: 1, to: 2, changes });
    expect((await client.config.diff({ name: 'd', from: 2, to: 1 })).changes).toHaveLength(4);
    const whole = { list: [1, 2], 'x/y': { deep: '1' }, new: {}, same: 1 };
    expect(await client.config.diff({ name: 'd', from: 2 })).toMatchObject({
      to: 3,
      changes: [{ path: '', before: whole }],
    });
    expect(await refusal(client.config.diff({ name: 'd', from: 9 }))).toMatchObject({ code: 'not_found' });
  });

  it('reverts by a new version, and brings a removed document back', async () => {
    for (const value of ['one', 'two']) await client.config.put({ name: 'r', value });
    expect(await client.config.revert({ name: 'r', version: 1 })).toMatchObject({ version: 3 });
    await client.config.delete({ name: 'r' });
    expect(await refusal(client.config.revert({ name: 'r', version: 4 }))).toMatchObject({ code: 'invalid_input' });
    expect(await client.config.revert({ name: 'r', version: 2 })).toMatchObject({ version: 5 });
    expect((await client.config.get({ name: 'r' })).value).toBe('two');
  });

  it('is gone with erase, also after the removal, and nothing of its text stays', async () => {
    for (const [name, removed] of [
      ['e', false],
      ['f', true],
    ] as const) {
      await client.config.put({ name, value: 'erased-text' });
      await client.config.put({ name, value: 'kept' });
      if (removed) await client.config.delete({ name });
      await client.config.delete({ name, erase: true });
      for (const read of [
        client.config.get({ name }),
        client.config.versions({ name }),
        client.config.delete({ name, erase: true }),
      ]) {
        expect(await refusal(read)).toMatchObject({ code: 'not_found' });
      }
    }
    await daemon.end();
    const found = (text: string) =>
      tamper(home.paths.database, (db) =>
        db.prepare('SELECT count(*) AS n FROM config_value WHERE value LIKE ?').get(`%${text}%`),
      );
    // Red control: of what was only removed, the values are there: 'two' was put, and reverted to.
    expect([found('erased-text'), found('two')]).toEqual([{ n: 0 }, { n: 2 }]);
    daemon = await home.start();
  });
});

/** More versions of a document, as if they had been made long ago. */
function addVersions(db: DatabaseSync, name: string, to: number, size: number | null): void {
  // Their positions are far from those of others.
  const [{ first } = {}] = db.prepare('SELECT max(position) + 100000 AS first FROM config_version').all();
  const insert = db.prepare('INSERT INTO config_version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  db.exec('BEGIN');
  for (let version = 2; version <= to; version++) {
    const row = [Number(first) + version, 'test', name, version, size, 'config.put', 1, null, null];
    insert.run(...row, checksum(row));
  }
  db.exec('COMMIT');
}

const newest = (name: string) => `(SELECT position FROM config WHERE name = '${name}')`;

describe('behind the back of the daemon', () => {
  it('history is bounded by number and by size, oldest first; damage hides nothing else, and can be written over', async () => {
    for (const name of ['long', 'heavy']) await client.config.put({ name, value: 1 });
    for (const name of ['fine', 'head', 'value', 'version'])
      for (const value of [1, 2]) await client.config.put({ name, value });
    await daemon.end();
    tamper(home.paths.database, (db) => {
      addVersions(db, 'long', 10_050, null);
      addVersions(db, 'heavy', 99, 1_000_000);
      changeOne(db, "UPDATE config SET size = 9 WHERE name = 'head'");
      changeOne(db, `UPDATE config_value SET value = '7' WHERE position = ${newest('value')}`);
      changeOne(db, `UPDATE config_version SET client = 'x' WHERE position = ${newest('version')}`);
    });
    daemon = await home.start();

    for (let value = 0; value < 50; value++) await client.config.put({ name: 'long', value: [value] });
    const all = (await walk((page) => client.config.versions({ name: 'long', limit: 1000, ...page }))).flatMap(itemsOf);
    expect([all.length, all[0]?.version, all.at(-1)?.version]).toEqual([10_000, 10_100, 101]);

    // 64 Mi characters hold 67 of a million each, and the new one.
    await client.config.put({ name: 'heavy', value: 'x' });
    expect((await numbers('heavy')).length).toBe(68);

    const damaged = { code: 'damaged', status: 422 };
    const { items, damagedCount } = await client.config.list();
    expect(damagedCount).toBe(1);
    expect(items.filter((item) => 'damaged' in item)).toMatchObject([{ id: 'head' }]);
    expect(await refusal(client.config.get({ name: 'head' }))).toMatchObject(damaged);
    expect(await refusal(client.config.put({ name: 'head', value: 3 }))).toMatchObject(damaged);
    await client.config.delete({ name: 'head', erase: true });
    expect(await client.config.put({ name: 'head', value: 3 })).toMatchObject({ version: 1 });

    expect(await refusal(client.config.get({ name: 'value' }))).toMatchObject(damaged);
    expect(await refusal(client.config.set({ name: 'value', path: '/x', value: 1 }))).toMatchObject(damaged);
    expect(await client.config.put({ name: 'value', value: 2 })).toMatchObject({ version: 3 });

    expect((await client.config.get({ name: 'version' })).value).toBe(2);
    const history = await client.config.versions({ name: 'version' });
    expect(history).toMatchObject({ damagedCount: 1, items: [{ id: '2', damaged: {} }, { version: 1 }] });
    expect(await refusal(client.config.version({ name: 'version', version: 2 }))).toMatchObject(damaged);
    expect(await numbers('fine')).toEqual([1, 2]);
  });
});
