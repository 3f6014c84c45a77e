import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess, type SpawnOptions } from '../helpers/daemon.ts';
import { Tree } from '../helpers/tree.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whatever becomes of its parent, a fork keeps every message it began with; and a message that no session
// has any more leaves the database.

const said = (id: string, text = `said ${id}`) => ({ id, role: 'user', text });
function withoutSeq(message: object): object {
  const { seq: _, ...rest } = message as { seq: number };
  return rest;
}
const first = ['a', 'b', 'c', 'd', 'e'].map((id) => said(id));

describe('the parent of a fork', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeEach(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
    await client.sessions.replace({ id: 'parent', messages: first });
    for (const upTo of [0, 2, 4]) await client.sessions.fork({ id: 'parent', to: `fork ${upTo}`, upTo });
    await client.sessions.append({ id: 'fork 2', messages: [said('x')] });
    await client.sessions.fork({ id: 'fork 2', to: 'fork of fork' });
  });
  afterEach(() => home[Symbol.asyncDispose]());

  const expected = {
    'fork 0': [],
    'fork 2': [...first.slice(0, 2), said('x')],
    'fork 4': first.slice(0, 4),
    'fork of fork': [...first.slice(0, 2), said('x')],
  };

  /** Every fork, message by message; a damaged one in its place. */
  async function forks(): Promise<Record<string, object[]>> {
    const lists = Object.keys(expected).map(async (id) => {
      const { items } = await client.sessions.messages({ id });
      return [id, items.map(withoutSeq)] as const;
    });
    return Object.fromEntries(await Promise.all(lists));
  }

  async function restart(options?: SpawnOptions): Promise<void> {
    expect((await daemon.end()).code).toBe(0);
    daemon = await home.start(options);
  }

  /** The texts of all stored messages; the daemon is stopped for it. */
  async function stored(): Promise<string[]> {
    // Slices are removed in between other writes: some make it likely that all are, before the daemon stops.
    for (let n = 0; n < 30; n++) await client.feeds.put({ name: 'between', url: 'https://example.org/' });
    expect((await daemon.end()).code).toBe(0);
    const db = new DatabaseSync(home.paths.database);
    const rows = db.prepare("SELECT content ->> 'text' AS text FROM log WHERE seq IS NOT NULL ORDER BY text").all();
    db.close();
    daemon = await home.start();
    return rows.map(({ text }) => String(text));
  }

  /** Waits until these and no other messages are stored: removing goes on behind the answers. */
  const storedAre = (messages: { text: string }[]) => {
    const wanted = JSON.stringify(messages.map(({ text }) => text).toSorted());
    return until('what nobody has any more is gone', async () => JSON.stringify(await stored()) === wanted, 40_000);
  };

  it('is saved with other messages, shrunk and saved again: forks stay whole', async () => {
    const other = first.map(({ id }) => said(id, `changed ${id}`));
    await client.sessions.replace({ id: 'parent', messages: other });
    expect(await forks()).toEqual(expected);
    await client.sessions.replace({ id: 'parent', messages: [said('new')], allowShrink: true });
    await client.sessions.append({ id: 'parent', messages: [said('a', 'again')] });
    expect(await forks()).toEqual(expected);
    await restart();
    expect(await forks()).toEqual(expected);
  });

  it('is deleted and restored: forks stay whole, and so does it', async () => {
    await client.sessions.delete({ id: 'parent' });
    await restart();
    expect(await forks()).toEqual(expected);
    await client.sessions.restore({ id: 'parent' });
    expect((await client.sessions.messages({ id: 'parent' })).items).toMatchObject(first);
    expect(await forks()).toEqual(expected);
  });

  it('is erased: forks stay whole, and only what they do not share leaves', async () => {
    await client.sessions.delete({ id: 'parent', erase: true });
    await storedAre([...first.slice(0, 4), said('x')]);
    expect(await forks()).toEqual(expected);
    await client.sessions.append({ id: 'fork 4', messages: [said('e', 'own')] });
    expect((await client.sessions.messages({ id: 'fork 4' })).items).toMatchObject([
      ...expected['fork 4'],
      said('e', 'own'),
    ]);
  });

  it('is erased after its forks, or before: the last one that has a message takes it along', async () => {
    await client.sessions.delete({ id: 'parent', erase: true });
    await client.sessions.delete({ id: 'fork 4', erase: true });
    await storedAre([...first.slice(0, 2), said('x')]);
    await client.sessions.delete({ id: 'fork 2', erase: true });
    expect((await client.sessions.messages({ id: 'fork of fork' })).items).toMatchObject(expected['fork of fork']);
    await client.sessions.delete({ id: 'fork of fork', erase: true });
    await storedAre([]);
    expect((await client.sessions.messages({ id: 'fork 0' })).items).toEqual([]);
  });

  it('is replaced and then erased, with its earlier messages: what forks share stays', async () => {
    const { id } = await client.sessions.fork({ id: 'parent', to: 'of the first', upTo: 3 });
    await client.sessions.replace({ id: 'parent', messages: [...first.slice(0, 3), said('d', 'changed'), said('e')] });
    await client.sessions.fork({ id: 'parent', to: 'of the second', upTo: 4 });
    await client.sessions.delete({ id: 'parent', erase: true });
    for (const fork of ['fork 4', 'fork 2', 'fork of fork', id])
      await client.sessions.delete({ id: fork, erase: true });
    await storedAre([...first.slice(0, 3), said('d', 'changed')]);
    const { items } = await client.sessions.messages({ id: 'of the second' });
    expect(items).toMatchObject([...first.slice(0, 3), said('d', 'changed')]);
  });

  it('is erased while the daemon is killed again and again: forks stay whole, the rest leaves', async () => {
    const long = Array.from({ length: 2500 }, (_, n) => said(`long ${n}`, `${n}`.padStart(4, '0')));
    for (let from = 0; from < long.length; from += 1000) {
      await client.sessions.append({ id: 'parent', messages: long.slice(from, from + 1000) });
    }
    await client.sessions.fork({ id: 'parent', to: 'of the long', upTo: 5 + 700 });
    await client.sessions.delete({ id: 'parent', erase: true });
    for (let kill = 0; kill < 3; kill++) {
      await daemon.end('SIGKILL');
      daemon = await home.start();
    }
    await storedAre([...first, ...long.slice(0, 700), said('x')]);
    expect(await forks()).toEqual(expected);
    expect((await client.sessions.messages({ id: 'of the long', limit: 1000 })).items).toMatchObject([
      ...first,
      ...long.slice(0, 700),
    ]);
  });

  it('red control: a daemon that sweeps without looking who shares a message leaves holes, and they are seen', async () => {
    using tree = new Tree();
    const file = tree.file('daemon/store/resources/sessions/sweep.ts');
    const source = readFileSync(file, 'utf8');
    const careless = source.replace("typeof shared === 'number' ? shared : null", 'Math.min(Number(shared), 0)');
    expect(careless).not.toBe(source);
    writeFileSync(file, careless);
    await restart(tree.daemon);
    await client.sessions.delete({ id: 'parent', erase: true });
    await until('messages are missing', async () => JSON.stringify(await forks()) !== JSON.stringify(expected));
    expect((await forks())['fork 4']).toEqual(
      first.slice(0, 4).map(() => ({ damaged: { reason: 'its row is missing or cannot be read' } })),
    );
  });
});
