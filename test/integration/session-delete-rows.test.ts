import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';

// What an erase removes from the database. Each application here erases a session in its own way; rows are looked at
// while no daemon has the database open.

const said = (id: string, content = `said ${id}`) => ({ id, role: 'user', content });
const three = ['a', 'b', 'c'].map((id) => said(id));
const keyed = { messages: [said('d')], usage: { inputTokens: 1 } };

describe('the rows of a session', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let left: string[];
  const of = (app: string) => home.client({ app });
  const erase = (app: string) => of(app).sessions.delete({ id: 's', erase: true });

  const ways: Record<string, () => Promise<unknown>> = {
    live: () => erase('live'),
    leased: async () => {
      const { token } = await of('leased').leases.acquire({ id: 's', owner: 'x' });
      return of('leased').sessions.delete({ id: 's', erase: true, lease: token });
    },
    replaced: async () => {
      for (const text of ['one', 'two']) {
        const messages = [...three.with(1, said('b', text)), said('sent')];
        await of('replaced').sessions.replace({ id: 's', messages });
      }
      return erase('replaced');
    },
    'deleted.before': async () => {
      await of('deleted.before').sessions.delete({ id: 's' });
      return erase('deleted.before');
    },
    'made.anew': async () => {
      await of('made.anew').sessions.delete({ id: 's' });
      await of('made.anew').sessions.replace({ id: 's', messages: three });
      return erase('made.anew');
    },
    keyed: async () => {
      await of('keyed').sessions.append({ id: 's', ...keyed }, { key: 'k' });
      await of('keyed').sessions.replace(
        { id: 's', messages: [...three, said('sent'), said('d'), said('e')] },
        { key: 'k' },
      );
      return erase('keyed');
    },
    'only.deleted': () => of('only.deleted').sessions.delete({ id: 's' }),
  };

  /** Applications that have messages, a session or any other row of one; the daemon is stopped for it. */
  async function apps(): Promise<string[]> {
    // Slices are removed in between other writes: some make it likely that all are, before the daemon stops.
    for (let n = 0; n < 60; n++) await of('between').feeds.put({ name: 'f', url: 'https://example.org/' });
    expect((await daemon.end()).code).toBe(0);
    const db = new DatabaseSync(home.paths.database);
    const beside = ['session_head', 'branch', 'draft', 'lease', 'delivery'].map(
      (table) => `SELECT coalesce(s.app, '${table} of nobody') FROM ${table} LEFT JOIN session s USING (session_no)`,
    );
    const all = ['SELECT app AS owner FROM session', 'SELECT app FROM log WHERE seq IS NOT NULL', ...beside];
    const rows = db.prepare(`${all.join(' UNION ')} ORDER BY owner`).all();
    db.close();
    daemon = await home.start();
    return rows.map(({ owner }) => String(owner));
  }

  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    for (const [app, run] of Object.entries(ways)) {
      const { sessions, drafts } = of(app);
      await sessions.replace({ id: 's', title: 'T', messages: three });
      await drafts.put({ id: 's', text: 'half' });
      await sessions.append({ id: 's', messages: [said('sent')], delivery: 'pending' });
      await run();
    }
    left = await until(
      'most are gone',
      async () => {
        const found = await apps();
        return found.length === 1 && found;
      },
      100_000,
    );
  }, 120_000);
  afterAll(() => home[Symbol.asyncDispose]());

  it('all leave with an erase, and (the red control) none with a delete', async () => {
    expect(left).toEqual(['only.deleted']);
    expect(await of('only.deleted').sessions.restore({ id: 's' })).toMatchObject({ title: 'T', head: 4 });
    expect((await of('only.deleted').sessions.messages({ id: 's' })).items).toMatchObject([...three, said('sent')]);
  });

  it('leave the id free for another session, of which the next sweep takes nothing', async () => {
    await of('live').sessions.replace({ id: 's', messages: three });
    expect(await apps()).toEqual(expect.arrayContaining(['live']));
    expect((await of('live').sessions.messages({ id: 's' })).items).toMatchObject(three);
  });

  it('leave keys good: what was answered before is not done again in a new session', async () => {
    const { sessions } = of('keyed');
    await sessions.create({ id: 's' });
    const again = await sessions.append({ id: 's', ...keyed }, { key: 'k' });
    expect(again).toMatchObject({ head: 5, messages: [{ id: 'd', seq: 5 }] });
    const messages = [...three, said('sent'), said('d'), said('e')];
    expect(await sessions.replace({ id: 's', messages }, { key: 'k' })).toMatchObject({ head: 6 });
    expect(await sessions.get({ id: 's' })).toMatchObject({ head: 0, inputTokens: 0 });
  });
});
