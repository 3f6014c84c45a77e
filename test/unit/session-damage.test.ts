import { afterEach, beforeEach, expect, it } from 'vitest';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Promise 3: what of a session cannot be read is told by name, by whatever was asked.

const app = 'a';
const day = 24 * 3_600_000;
let store: TxStore;
const run: TxStore['run'] = (operation, input) => store.run(operation, input);
const list = (more: object = {}) =>
  run(sessions.list, { app, sort: 'id', limit: 100, deleted: false, ...more } as const);
const erase = () => run(sessions.delete, { app, id: 'gone', erase: true });

beforeEach(async () => {
  store = new TxStore();
  for (const id of ['sound', 'headless', 'gone']) await run(sessions.create, { app, id });
  await run(sessions.delete, { app, id: 'gone', erase: false });
});
afterEach(() => store[Symbol.dispose]());

it('a session without its head row: by abandon, and by a list of a time', async () => {
  store.db.exec("DELETE FROM session_head WHERE session_no = (SELECT session_no FROM session WHERE id = 'headless')");
  store.at += day;
  const times = ['updatedAfter', 'updatedBefore'].map((name, later) => ({
    [name]: new Date(store.at + (later * 2 - 1) * 2 * day).toISOString(),
  }));
  for (const time of [{}, ...times]) {
    expect(await list(time)).toMatchObject({
      items: [{ id: 'headless', damaged: { reason: expect.any(String) as string } }, { id: 'sound' }],
      damagedCount: 1,
    });
  }
  const answer = { abandoned: ['sound'], leased: [], damaged: ['headless'] };
  expect(await run(sessions.abandon, { app, idleMs: day })).toEqual(answer);
  // It keeps the time of its creation.
  const none = { abandoned: [], leased: [], damaged: [] };
  expect(await run(sessions.abandon, { app, idleMs: day + 1 })).toEqual(none);
});

it('a deleted session whose row is damaged: by its erase, which changes nothing', async () => {
  store.db.exec("UPDATE session SET title = 'other' WHERE id = 'gone'");
  const logged = () => store.query('SELECT count(*) FROM log');
  const before = await logged();
  await expect(erase()).rejects.toMatchObject({ code: 'damaged', message: /'gone' .*run 'holdfast doctor'/ });
  expect(await logged()).toEqual(before);
  expect(await list({ deleted: true })).toMatchObject({ items: [{ id: 'gone', damaged: {} }], damagedCount: 1 });
});

it('red control: the erase of one whose row is whole is done', async () => {
  await erase();
  expect((await list({ deleted: true })).items).toEqual([]);
});
