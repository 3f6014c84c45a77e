import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client, HoldfastError } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: a hit names a message that a session shows now. What a delete, a replace or an erase took away is never
// named, from the moment of the answer on; what another session still shows is found as that one's.

const messages = (...ns: number[]) => ns.map((n) => ({ id: `m${n}`, text: `heron ${n}` }));

let client: Client;
let app = '';

/** What each test finds: an application with a session. */
async function fill(home: TestHome, name: string): Promise<void> {
  app = name;
  client = home.client({ app });
  await client.sessions.create({ id: 'a', title: 'A' });
  await client.sessions.append({ id: 'a', messages: messages(1, 2, 3, 4) });
}

/** The hits as `session:seq`, or as what is said of damage. */
async function places(q = 'heron', session?: string) {
  const { items } = await client.search.messages({ q, limit: 100, ...(session !== undefined && { session }) });
  return items.map((item) => `${item.session}:${item.seq}${'damaged' in item ? ' damaged' : ''}`).toSorted();
}

describe('what can be found', () => {
  let home: TestHome;
  let applications = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  beforeEach(() => fill(home, `test-${(applications += 1)}`));

  it('is what is stored, at once', async () => {
    expect(await places()).toEqual(['a:1', 'a:2', 'a:3', 'a:4']);
    await client.sessions.append({ id: 'a', messages: messages(5) });
    expect(await places('5')).toEqual(['a:5']);
  });

  it.each([[false], [true]])('is nothing of a deleted session, erased: %s', async (erase) => {
    expect(await places()).toHaveLength(4);
    await client.sessions.delete({ id: 'a', erase });
    expect(await places()).toEqual([]);
    expect(await refusal(places('heron', 'a'))).toMatchObject({ code: 'not_found' });
    const { items } = await client.search.everywhere({ q: 'heron', limit: 100 });
    expect(items.filter((item) => item.app === app)).toEqual([]);
    // Nor when the index has been made anew, or the id is another's.
    await client.sessions.create({ id: 'a' });
    expect(await places()).toEqual([]);
    expect(await places('heron', 'a')).toEqual([]);
  });

  it('is all of a session that was restored', async () => {
    await client.sessions.delete({ id: 'a' });
    expect(await places()).toEqual([]);
    await client.sessions.restore({ id: 'a' });
    expect(await places()).toEqual(['a:1', 'a:2', 'a:3', 'a:4']);
    expect(await places('heron', 'a')).toEqual(['a:1', 'a:2', 'a:3', 'a:4']);
  });

  it('is what a replace left and what it brought', async () => {
    const next = [...messages(1, 2), { id: 'n3', text: 'egret 3' }];
    await client.sessions.replace({ id: 'a', messages: next, allowShrink: true });
    expect([await places(), await places('heron', 'a'), await places('egret')]).toEqual([
      ['a:1', 'a:2'],
      ['a:1', 'a:2'],
      ['a:3'],
    ]);
    await client.sessions.replace({ id: 'a', messages: [], allowShrink: true });
    expect([await places(), await places('egret')]).toEqual([[], []]);
    await client.sessions.replace({ id: 'a', messages: messages(1, 2, 3, 4) });
    expect(await places()).toEqual(['a:1', 'a:2', 'a:3', 'a:4']);
  });

  describe.each(['delete', 'erase', 'replace'] as const)('after the %s of a session with forks', (how) => {
    const takeAway = (id: string) =>
      how === 'replace'
        ? client.sessions.replace({ id, messages: [], allowShrink: true })
        : client.sessions.delete({ id, erase: how === 'erase' });

    it('is what the fork shares, as the fork’s', async () => {
      await client.sessions.fork({ id: 'a', to: 'f', upTo: 2 });
      await takeAway('a');
      expect([await places(), await places('heron', 'f')]).toEqual([
        ['f:1', 'f:2'],
        ['f:1', 'f:2'],
      ]);
    });

    it('is what the fork shares and what it wrote', async () => {
      await client.sessions.fork({ id: 'a', to: 'f', upTo: 2 });
      await client.sessions.append({ id: 'f', messages: messages(9) });
      await takeAway('a');
      expect(await places()).toEqual(['f:1', 'f:2', 'f:3']);
    });

    it('is what the longest of the forks that are left shares', async () => {
      for (const upTo of [1, 3, 2]) await client.sessions.fork({ id: 'a', to: `f${upTo}`, upTo });
      await takeAway('a');
      expect(await places()).toEqual(['f3:1', 'f3:2', 'f3:3']);
      await takeAway('f3');
      expect(await places()).toEqual(['f2:1', 'f2:2']);
    });

    it('is what a fork of a fork shares, when both before it are gone', async () => {
      await client.sessions.fork({ id: 'a', to: 'f', upTo: 3 });
      await client.sessions.append({ id: 'f', messages: messages(9) });
      await client.sessions.fork({ id: 'f', to: 'g' });
      await client.sessions.fork({ id: 'f', to: 'h', upTo: 2 });
      await takeAway('a');
      await takeAway('f');
      expect(await places()).toEqual(['g:1', 'g:2', 'g:3', 'g:4']);
      await takeAway('g');
      expect(await places()).toEqual(['h:1', 'h:2']);
      await takeAway('h');
      expect(await places()).toEqual([]);
    });
  });
});

describe('what can be found of a damaged store', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  beforeEach(async () => {
    home = new TestHome();
    daemon = await home.start();
    await fill(home, 'test');
    return () => home[Symbol.asyncDispose]();
  });

  // Each is done behind the daemon's back, to a row whose checksum then tells.
  const damages = {
    message: `UPDATE log SET content = '{"text":"heron 7"}' WHERE id = 'm2'`,
    session: "UPDATE session SET title = 'B'",
    'session head': 'UPDATE session_head SET head = 2',
    branch: 'UPDATE branch SET base = 1',
  };

  async function damage(sql: string) {
    expect(await places()).toHaveLength(4);
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    const { changes } = db.prepare(sql).run();
    db.close();
    expect(changes).toBe(1);
    daemon = await home.start();
  }

  it('is told of a damaged message in its place, for what it was indexed as', async () => {
    await damage(damages.message);
    expect(await places()).toEqual(['a:1', 'a:2 damaged', 'a:3', 'a:4']);
    expect(await places('7')).toEqual([]);
    const [item] = (await client.search.messages({ q: '2' })).items;
    expect(item).toMatchObject({
      app: 'test',
      session: 'a',
      seq: 2,
      id: 'm2',
      damaged: { reason: expect.any(String) },
    });
  });

  it.each(['session', 'session head', 'branch'] as const)(
    'is not left out without a word where the row of its %s is damaged',
    async (what) => {
      await damage(damages[what]);
      const outcome = await places().catch((error: HoldfastError) => Array(4).fill(error.code));
      expect(outcome).toEqual(Array(4).fill(expect.stringContaining('damaged')));
    },
  );
});
