import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

// What replaces leave in the database: each application here does one thing, and is looked at when the daemon has ended.

const said = (id: string, content = `said ${id}`) => ({ id, role: 'user', content });
const five = ['a', 'b', 'c', 'd', 'e'].map((id) => said(id));
const texts = five.map(({ content }) => content);
const versions = Array.from({ length: 30 }, (_, n) => `version ${n}`);

const documents: Record<string, (typeof five)[]> = {
  same: [five, five],
  longer: [[...five, said('f'), said('g')]],
  changed: [five.with(3, said('d', 'changed'))],
  last: versions.map((version) => five.with(4, said('e', version))),
  refused: [[...five.with(1, said('b', 'changed')), said('f'), said('f')]],
};

describe('a replace stores', () => {
  let home: TestHome;
  let db: DatabaseSync;
  const errors = new Map<string, unknown>();
  beforeAll(async () => {
    home = new TestHome();
    const daemon = await home.start();
    for (const [app, all] of Object.entries(documents)) {
      const { sessions } = home.client({ app });
      await sessions.replace({ id: 's', messages: five });
      const [first, ...others] = all.map((messages) => () => sessions.replace({ id: 's', messages }));
      if (app === 'refused' && first) errors.set(app, await refusal(first()));
      else await first?.();
      for (const other of others) await other();
    }
    await daemon.end();
    db = new DatabaseSync(home.paths.database, { readOnly: true });
  });
  afterAll(async () => {
    db.close();
    await home[Symbol.asyncDispose]();
  });

  const rows = (sql: string, ...app: string[]) => db.prepare(sql).all(...app);
  const storedTexts = (app: string) =>
    rows(`SELECT content ->> 'content' AS text FROM log WHERE seq IS NOT NULL AND app = ? ORDER BY position`, app).map(
      ({ text }) => text,
    );
  const branches = (app: string) =>
    rows('SELECT b.* FROM branch b JOIN session s ON s.session_no = b.session_no WHERE s.app = ?', app);

  it('nothing for a document that is stored already, but the answers to its keys', () => {
    expect(storedTexts('same')).toEqual(texts);
    const others = rows("SELECT kind FROM log WHERE seq IS NULL AND app = 'same' ORDER BY position");
    expect(others.map(({ kind }) => kind)).toEqual(['session', 'replay', 'replay']);
    expect(rows("SELECT * FROM history WHERE app = 'same'")).toEqual([]);
  });

  it('only the new end of a longer document, in the same branch', () => {
    expect(storedTexts('longer')).toEqual([...texts, 'said f', 'said g']);
    expect(branches('longer')).toMatchObject([{ parent: null, base: 0, sweep_at: null }]);
  });

  it('what comes from the first difference on, and leaves what it replaced as it was', () => {
    expect(storedTexts('changed')).toEqual([...texts, 'changed', 'said e']);
    const [old, now] = branches('changed');
    expect(old?.['sweep_at']).toBeGreaterThan(Date.now());
    expect(now).toMatchObject({ parent: old?.['branch'], base: 3, sweep_at: null });
  });

  it('one message each time the last one changes, and branches that all begin in the first', () => {
    expect(storedTexts('last')).toEqual([...texts, ...versions]);
    const [first, ...others] = branches('last');
    expect(others).toHaveLength(versions.length);
    for (const { parent, base } of others) expect({ parent, base }).toEqual({ parent: first?.['branch'], base: 4 });
  });

  it('no message and no branch of a document that it refuses half way', () => {
    expect(errors.get('refused')).toMatchObject({ details: { errors: [{ path: 'messages.6.id' }] } });
    expect(storedTexts('refused')).toEqual(texts);
    expect(branches('refused')).toMatchObject([{ sweep_at: null }]);
  });
});
