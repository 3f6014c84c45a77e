import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

// An application that saves whole has every message at hand: its next save mends what the disk spoiled.

const said = (id: string) => ({ id, role: 'user', content: `said ${id}` });
const five = ['a', 'b', 'c', 'd', 'e'].map(said);

// By application, made behind the daemon's back and without mending the checksum.
const damages: Record<string, string> = {
  content: "UPDATE log SET content = '{' WHERE id = 'b'",
  'content.of.the.same.length': "UPDATE log SET content = replace(content, 'said b', 'said x') WHERE id = 'b'",
  checksum: "UPDATE log SET sum = sum + 1 WHERE id = 'b'",
  id: "UPDATE log SET id = 'x' WHERE id = 'b'",
  'id.of.the.last': "UPDATE log SET id = 'x' WHERE id = 'e'",
  'row.gone': "DELETE FROM log WHERE id = 'b'",
  'last.row.gone': "DELETE FROM log WHERE id = 'e'",
};
const [spoiled] = Object.values(damages);
const others = ['without.ids', 'forked', 'incomplete', 'control'];

describe('a stored message that is damaged', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    const daemon = await home.start();
    const apps = [...Object.keys(damages), ...others];
    for (const app of apps) await home.client({ app }).sessions.replace({ id: 's', messages: five });
    await home.client({ app: 'forked' }).sessions.fork({ id: 's', to: 'fork' });
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    for (const app of apps) db.prepare(`${damages[app] ?? spoiled} AND seq IS NOT NULL AND app = ?`).run(app);
    db.close();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const of = (app: string) => home.client({ app }).sessions;
  const read = (app: string, id = 's') => of(app).messages({ id });

  it.each(Object.keys(damages))('(%s) is healed by a document that has it, without allowShrink', async (app) => {
    expect((await read(app)).damagedCount).toBe(1);
    expect(await of(app).replace({ id: 's', messages: five })).toMatchObject({ generation: 1, head: 5 });
    expect(await read(app)).toMatchObject({ damagedCount: 0, items: five });
    const longer = [...five, said('f')];
    expect(await of(app).replace({ id: 's', messages: longer })).toMatchObject({ generation: 1, head: 6 });
  });

  it('is healed by a document without ids', async () => {
    const messages = five.map(({ role, content }) => ({ role, content }));
    await of('without.ids').replace({ id: 's', messages });
    expect(await read('without.ids')).toMatchObject({ damagedCount: 0, items: messages });
  });

  it('stays in a fork that has it, which is healed by its own document', async () => {
    await of('forked').replace({ id: 's', messages: five });
    const place = { id: 'b', seq: 2, damaged: {} };
    expect(await read('forked', 'fork')).toMatchObject({ damagedCount: 1, items: five.with(1, place as never) });
    await of('forked').replace({ id: 'fork', messages: five });
    expect(await read('forked', 'fork')).toMatchObject({ damagedCount: 0, items: five });
    expect(await read('forked')).toMatchObject({ damagedCount: 0, items: five });
  });

  it('is no leave to drop whole ones', async () => {
    for (const messages of [five.slice(0, 4), five.with(4, said('x')), [...five.slice(0, 3), said('x'), said('y')]]) {
      expect((await refusal(of('incomplete').replace({ id: 's', messages }))).code).toBe('drops_messages');
    }
    expect(await read('incomplete')).toMatchObject({ damagedCount: 1, head: 5, generation: 0 });
  });

  it('red control: stays where nobody saves it again', async () => {
    await of('control').append({ id: 's', messages: [said('f')] });
    await of('control').update({ id: 's', patch: { title: 'new' } });
    expect(await read('control')).toMatchObject({ damagedCount: 1, head: 6 });
  });
});
