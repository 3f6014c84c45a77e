import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// What random calls found, each in the fewest calls that show it.

describe('found by the model', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const message = { id: 'a', text: 'once' };

  /** Waits until no row holds a message of an erased session: the removal comes after the answer. */
  const swept = () =>
    until('the messages of erased sessions are removed', () => {
      const db = new DatabaseSync(home.paths.database, { readOnly: true });
      const sql = `SELECT count(*) AS left FROM branch b LEFT JOIN session s ON s.session_no = b.session_no
                   WHERE s.session_no IS NULL OR s.deleted_at = 0`;
      const left = db.prepare(sql).get()?.['left'];
      db.close();
      return left === 0;
    });

  it('an append sent again after its session was erased happens once, though another session has the id', async () => {
    const call = { id: 'again', messages: [message] };
    await client.sessions.create({ id: 'again' });
    const first = await client.sessions.append(call, { key: 'append-1' });
    await client.sessions.delete({ id: 'again', erase: true });
    await client.sessions.create({ id: 'again' });
    await swept();
    expect(await client.sessions.append(call, { key: 'append-1' })).toEqual(first);
    expect(itemsOf(await client.sessions.messages({ id: 'again' }))).toEqual([]);
  });

  it('an append sent again after its session was erased gets its answer, not that there is no session', async () => {
    const call = { id: 'gone', messages: [message] };
    await client.sessions.create({ id: 'gone' });
    const first = await client.sessions.append(call, { key: 'append-2' });
    await client.sessions.delete({ id: 'gone', erase: true });
    await swept();
    expect(await client.sessions.append(call, { key: 'append-2' })).toEqual(first);
  });

  it('what an erase removed is not kept by what remembers the answer', async () => {
    const secret = 'only-in-the-erased-message';
    const found = () => {
      const db = new DatabaseSync(home.paths.database, { readOnly: true });
      const row = db.prepare('SELECT count(*) AS found FROM log WHERE instr(content, ?) > 0').get(secret);
      db.close();
      return row?.['found'];
    };
    await client.sessions.create({ id: 'erased' });
    await client.sessions.append({ id: 'erased', messages: [{ text: secret }] });
    expect(found()).toBe(1);
    await client.sessions.delete({ id: 'erased', erase: true });
    await swept();
    expect(found()).toBe(0);
  });

  it('the revision of a delete is no token of the session that is restored', async () => {
    await client.sessions.create({ id: 'restored' });
    const { token } = await client.leases.acquire({ id: 'restored', owner: 'a laptop', ttlMs: 60_000 });
    const { revision } = await client.sessions.delete({ id: 'restored', lease: token });
    await client.sessions.restore({ id: 'restored' });
    const append = client.sessions.append({ id: 'restored', messages: [message], lease: revision });
    expect((await refusal(append)).code).toBe('fenced');
    const renew = client.leases.acquire({ id: 'restored', owner: 'another', token: revision });
    expect((await refusal(renew)).code).toBe('fenced');
    expect(await client.sessions.get({ id: 'restored' })).toMatchObject({ leasedUntil: null, lease: null });
  });

  it('the revision of a delete is no token where there was never a lease', async () => {
    await client.sessions.create({ id: 'never' });
    const { revision } = await client.sessions.delete({ id: 'never' });
    await client.sessions.restore({ id: 'never' });
    const renew = client.leases.acquire({ id: 'never', owner: 'another', token: revision });
    expect((await refusal(renew)).code).toBe('fenced');
  });

  it('a message that a replace leaves as it was keeps its delivery, when one before it was edited', async () => {
    const [first, second] = [
      { id: 'first', text: 'one' },
      { id: 'second', text: 'two' },
    ];
    await client.sessions.create({ id: 'edited' });
    await client.sessions.append({ id: 'edited', messages: [first] });
    await client.sessions.append({ id: 'edited', messages: [second], delivery: 'pending' });
    await client.sessions.replace({ id: 'edited', messages: [{ ...first, text: 'edited' }, second] });
    const { items, deliveries } = await client.sessions.messages({ id: 'edited' });
    expect(items[1]).toEqual({ ...second, seq: 2 });
    expect(deliveries).toMatchObject([{ seq: 2, delivery: 'pending' }]);
  });

  it('a message that a replace leaves as it was keeps its delivery, when one before it is dropped or put in', async () => {
    const [first, second, third] = ['one', 'two', 'three'].map((text) => ({ id: text, text }));
    const messages = [first ?? {}, second ?? {}];
    for (const document of [[second ?? {}], [first ?? {}, third ?? {}, second ?? {}]]) {
      const { id } = await client.sessions.create();
      await client.sessions.append({ id, messages, delivery: 'pending' });
      await client.sessions.replace({ id, messages: document, allowShrink: true });
      const page = await client.sessions.messages({ id });
      const { seq } = itemsOf(page).find((item) => item.id === 'two') ?? {};
      expect(page.deliveries).toContainEqual(expect.objectContaining({ seq, delivery: 'pending' }));
    }
  });
});
