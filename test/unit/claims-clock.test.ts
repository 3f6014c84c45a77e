import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as files from '../../daemon/store/resources/files.ts';
import * as queues from '../../daemon/store/resources/queues.ts';
import { Wait } from '../../daemon/store/wait.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: nobody waits longer for a message than it was told to, however the clock is set; nothing is done by a timer.

const app = 'a';
const queue = 'q';
const minute = 60_000;
const year = 366 * 24 * 60 * minute;
let store: TxStore;
beforeEach(() => (store = new TxStore()));
afterEach(() => store[Symbol.dispose]());

const add = (id: string, about: object = {}) => store.run(queues.add, { app, queue, id, body: {}, ...about });
async function claim(about: object = {}) {
  const answer = await store.run(queues.claim, { app, queue, ...about });
  if (answer instanceof Wait) throw new Error('it waits');
  return answer;
}
const ids = async (about?: object) => (await claim(about)).items.map(({ id }) => id);
const waits = async (waitMs: number) => {
  const answer = await store.run(queues.claim, { app, queue, waitMs });
  return answer instanceof Wait ? answer.ms : undefined;
};

describe('the time of a claim', () => {
  beforeEach(() => add('m'));

  it('ends to the millisecond', async () => {
    await claim({ visibilityMs: minute });
    store.at += minute - 1;
    expect(await ids()).toEqual([]);
    store.at += 1;
    expect(await ids()).toEqual(['m']);
  });

  it('ends also after the clock was set back, and is not cut short by a clock that was only inexact', async () => {
    await claim({ visibilityMs: minute });
    store.at -= 30 * minute;
    expect(await ids()).toEqual([]);
    store.at -= year;
    expect(await ids()).toEqual(['m']);
  });

  it('is told to those who wait, as far as they wait', async () => {
    await claim({ visibilityMs: minute });
    store.at += 10_000;
    expect([await waits(5 * minute), await waits(1000), await waits(0)]).toEqual([50_000, 1000, undefined]);
    store.waitedMs = 900;
    expect(await waits(1000)).toBe(100);
    store.waitedMs = 1000;
    expect(await ids({ waitMs: 1000 })).toEqual([]);
  });

  it('of the last attempt makes it dead, without anything being written', async () => {
    await claim({ maxAttempts: 1, visibilityMs: minute });
    const state = async () => (await store.run(queues.get, { app, queue, id: 'm' })).state;
    expect(await state()).toBe('claimed');
    store.at += minute;
    expect(await state()).toBe('dead');
    expect(await ids()).toEqual([]);
    expect((await store.run(queues.list, { app, queue, limit: 10 })).items).toEqual([]);
    expect((await store.run(queues.list, { app, queue, limit: 10, state: 'dead' })).items).toHaveLength(1);
    expect(await waits(minute)).toBe(minute);
  });
});

describe('the time before which nobody is given a message', () => {
  it('passes, and is not what a wrong clock made of it', async () => {
    await add('m', { notBefore: new Date(store.at + minute).toISOString() });
    expect([await ids(), await waits(year)]).toEqual([[], minute]);
    store.at += minute;
    expect(await ids()).toEqual(['m']);
    // By a clock that was years ahead; then it is set right.
    store.at += 10 * year;
    await add('n', { notBefore: new Date(store.at + minute).toISOString() });
    store.at -= 10 * year;
    expect(await ids()).toEqual(['n']);
  });

  it('red control: a message that nobody is given is not given', async () => {
    await add('m', { notBefore: new Date(store.at + 10 * year).toISOString() });
    store.at += 9 * year;
    expect(await ids()).toEqual([]);
  });
});

describe('damage', () => {
  it('is passed over by a claim, which names it, and stands in its place in the list', async () => {
    for (const id of ['a', 'b', 'c']) await add(id);
    store.db.exec("UPDATE queue_message SET body = '{' WHERE id <> 'c'");
    const damaged = ['a', 'b'].map((id) => ({
      id,
      damaged: { reason: expect.stringContaining('checksum') as string },
    }));
    const answer = await claim();
    expect([answer.items.map(({ id }) => id), answer.damaged]).toEqual([['c'], damaged]);
    const list = await store.run(queues.list, { app, queue, limit: 10 });
    expect([list.items.slice(0, 2), list.damagedCount]).toEqual([damaged, 2]);
    await expect(store.run(queues.get, { app, queue, id: 'a' })).rejects.toMatchObject({ code: 'damaged' });
    // Only an explicit clear removes it.
    expect(await store.run(queues.clear, { app, queue })).toEqual({ cleared: 2, left: 0, claimed: 1 });
  });

  it('of a file is mended by the next push of its path', async () => {
    const push = (sequence: number) =>
      store.run(files.push, { app, changes: [{ event: 'change', path: '/a', sequence }] });
    await push(1);
    store.db.exec('UPDATE file_change SET sequence = 9');
    const claimed = await store.run(files.claim, { app });
    expect(claimed).toMatchObject({ items: [], damaged: [{ id: '/a' }] });
    expect(await push(2)).toEqual({ queued: 1, superseded: [] });
    expect(await store.run(files.claim, { app })).toMatchObject({ items: [{ sequence: 2 }], damaged: [] });
  });
});

it('a claim holds no more than 4 MiB, but one message at least', async () => {
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await add(id, { body: { text: 'x'.repeat(1_000_000) } });
  expect(await ids({ max: 100 })).toEqual(['a', 'b', 'c', 'd']);
  expect(await ids({ max: 100 })).toEqual(['e', 'f']);
});

it('a path is forgotten 30 days after its last change was dealt with, and not while one waits', async () => {
  const push = (path: string) => store.run(files.push, { app, changes: [{ event: 'unlink', path, sequence: 5 }] });
  for (const path of ['/done', '/waits']) await push(path);
  const claimed = await store.run(files.claim, { app });
  if (claimed instanceof Wait) throw new Error('it waits');
  await store.run(files.ack, { app, path: '/done', claim: claimed.items[0]?.claim ?? '', sequence: 5 });
  const sweep = () => store.run(files.sweep, store.at);
  const rows = () =>
    store.db
      .prepare('SELECT path FROM file_change ORDER BY path')
      .all()
      .map(({ path }) => path);
  store.at += 30 * 24 * 60 * minute - 1;
  await sweep();
  expect(rows()).toEqual(['/done', '/waits']);
  store.at += 1;
  expect(await sweep()).toBe(false);
  expect(rows()).toEqual(['/waits']);
});
