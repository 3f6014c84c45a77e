import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as sessions from '../../daemon/store/resources/sessions.ts';
import { sweep } from '../../daemon/store/resources/sessions/sweep.ts';
import { TxStore } from '../helpers/tx-store.ts';

// Invariant: what a session has stays for as long as it lives or can be restored; what none has leaves.

const day = 24 * 3_600_000;
let store: TxStore;
beforeEach(() => (store = new TxStore()));
afterEach(() => store[Symbol.dispose]());

const run: TxStore['run'] = (operation, input) => store.run(operation, input);

const app = 'a';
const texts = (...all: (string | number)[]) => all.map((text) => ({ id: `${text}`, text: `${text}` }));
const put = (id: string, ...all: (string | number)[]) =>
  run(sessions.replace, { app, id, messages: texts(...all), allowShrink: true });
const fork = (id: string, to: string, upTo: number) => run(sessions.fork, { app, id, to, upTo });
const remove = (id: string, erase = false) => run(sessions.delete, { app, id, erase });
const sweepOnce = () => run(sweep, store.at);
/** Lets days pass, and sweeps until there is no more to do. */
async function after(days: number): Promise<void> {
  store.at += days * day;
  for (let calls = 0; await sweepOnce(); calls++) if (calls > 2000) throw new Error('the sweep does not end');
}

async function read(id: string): Promise<unknown[]> {
  const page = await run(sessions.messages, { app, id, limit: 1000 });
  return (JSON.parse(page.text) as { items: { text?: string }[] }).items.map(({ text }) => text);
}
const rows = (sql: string) => store.db.prepare(sql).all() as { value: unknown }[];
const column = (sql: string) => rows(sql).map(({ value }) => value);
const stored = () => column("SELECT content ->> 'text' AS value FROM log WHERE seq IS NOT NULL ORDER BY position");
const count = (table: string) => column(`SELECT count(*) AS value FROM ${table}`)[0];

describe('a deleted session', () => {
  it('can be restored for 30 days, and then leaves with all that is beside it', async () => {
    await put('s', 1, 2);
    await run(sessions.append, { app, id: 's', messages: texts(3), delivery: 'pending' });
    await remove('s');
    await after(30 - 1 / day);
    await run(sessions.restore, { app, id: 's' });
    expect(await read('s')).toEqual(['1', '2', '3']);
    await remove('s');
    await after(30);
    expect(stored()).toEqual([]);
    expect(['session', 'session_head', 'branch', 'delivery'].map(count)).toEqual([0, 0, 0, 0]);
    await expect(run(sessions.restore, { app, id: 's' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('leaves slice by slice, so that nobody waits long, and a fork is whole after each', async () => {
    for (let from = 0; from < 3; from++) {
      const all = Array.from({ length: 1000 }, (_, n) => from * 1000 + n);
      await (from === 0 ? put('s', ...all) : run(sessions.append, { app, id: 's', messages: texts(...all) }));
    }
    await fork('s', 'f', 700);
    await remove('s', true);
    for (let before = stored().length; await sweepOnce(); before = stored().length) {
      expect(before - stored().length).toBeLessThanOrEqual(1000);
      expect(await read('f')).toHaveLength(700);
    }
    expect(stored()).toHaveLength(700);
  });
});

describe('what a replace took away', () => {
  it('stays for 30 days and then leaves, and the session is as it was', async () => {
    await put('s', 1, 2, 3);
    await put('s', 1, 'two', 3);
    await after(30 - 1 / day);
    expect(stored()).toEqual(['1', '2', '3', 'two', '3']);
    await after(1 / day);
    expect([stored(), await read('s')]).toEqual([
      ['1', 'two', '3'],
      ['1', 'two', '3'],
    ]);
  });

  it('leaves in its turn where the last message is saved again and again, while the session grows', async () => {
    const all: (string | number)[] = [0];
    for (let n = 1; n <= 60; n++) {
      await put('s', ...all, `${n} partly`);
      await put('s', ...all, n);
      all.push(n);
      await after(1);
      expect(await read('s')).toEqual(all.map(String));
    }
    expect(stored().filter((text) => String(text).includes('partly'))).toHaveLength(29);
    await after(30);
    expect(stored()).toEqual(all.map(String));
    await remove('s', true);
    await after(0);
    expect([stored(), count('branch')]).toEqual([[], 0]);
  });

  it('stays for a fork of it until that is gone too', async () => {
    await put('s', 1, 2, 3, 4);
    await fork('s', 'f', 3);
    await put('s', 1);
    await after(60);
    expect(stored()).toEqual(['1', '2', '3']);
    await remove('f', true);
    await after(0);
    expect([stored(), await read('s'), count('branch')]).toEqual([['1'], ['1'], 2]);
  });
});

describe('on the word of a damaged row nothing is removed', () => {
  beforeEach(async () => {
    await put('s', 1, 2, 3);
    await fork('s', 'f', 2);
    await put('other', 4);
  });

  it.each([
    ['a session that was deleted', "UPDATE session SET deleted_at = 0 WHERE id = 'other'"],
    ['the branch of a fork, its parent', 'UPDATE branch SET parent = NULL WHERE parent IS NOT NULL'],
    ['the branch of a fork, its base', 'UPDATE branch SET base = 1 WHERE parent IS NOT NULL'],
    ['a branch that is due', 'UPDATE branch SET sweep_at = 1'],
  ])('%s', async (_, damage) => {
    store.db.exec(damage);
    await remove('s', true).catch(() => undefined);
    // It says so where it would have had to believe the row; health tells that.
    const outcome = await after(60).catch((error: unknown) => error);
    expect([undefined, 'damaged']).toContain((outcome as { code?: string } | undefined)?.code);
    expect(stored()).toEqual(expect.arrayContaining(['1', '2', '4']));
  });

  it('the head of a session, which may still have what a replace took away', async () => {
    await put('s', 1);
    store.db.exec('UPDATE session_head SET branch = branch + 1');
    await after(60);
    expect(stored()).toEqual(['1', '2', '3', '4']);
  });

  it('red control: whole rows that say the same are believed', async () => {
    for (const id of ['other', 'f', 's']) await remove(id, true);
    await after(0);
    expect(stored()).toEqual([]);
  });
});

/** Numbers that only depend on the seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it.each(Array.from({ length: 12 }, (_, seed) => seed))('whatever is done in whatever order, seed %i', async (seed) => {
  const below = random(seed);
  const model = new Map<string, string[]>();
  let made = 0;
  for (let step = 0; step < 90; step++) {
    const kind = model.size === 0 ? 0 : below(8);
    const id = kind === 0 ? `s${step}` : ([...model.keys()][below(model.size)] ?? '');
    const had = model.get(id) ?? [];
    const upTo = below(had.length + 1);
    const now = [...had.slice(0, upTo), ...Array.from({ length: below(3) }, () => `m${++made}`)];
    if (kind <= 3) await put(id, ...now).then(() => model.set(id, now));
    else if (kind <= 5) await fork(id, `f${step}`, upTo).then(() => model.set(`f${step}`, had.slice(0, upTo)));
    else await remove(id, kind === 6).then(() => model.delete(id));
    await after(below(12));
    for (const [session, messages] of model) expect(await read(session), `${session}, step ${step}`).toEqual(messages);
  }
  for (const id of model.keys()) await remove(id, true);
  await after(60);
  expect([stored(), count('branch'), count('session')]).toEqual([[], 0, 0]);
});
