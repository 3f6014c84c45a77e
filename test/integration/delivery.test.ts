import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;

describe('the delivery of a message', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** A session of a message without delivery and two that are pending. */
  const prepared = async () => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: [{ id: 'plain' }] });
    await client.sessions.append({ id, messages: [{ id: 'one', n: 1 }, { id: 'two' }], delivery: 'pending' });
    return id;
  };
  const deliveries = async (id: string) =>
    (await client.sessions.messages({ id })).deliveries.map((one) =>
      'damaged' in one ? [one.seq, 'damaged'] : [one.seq, one.delivery, one.reason],
    );

  it('is that of the append, of its messages only, and stands beside them', async () => {
    const id = await prepared();
    const { items, deliveries: found } = await client.sessions.messages({ id });
    expect(items).toEqual([
      { id: 'plain', seq: 1 },
      { id: 'one', seq: 2, n: 1 },
      { id: 'two', seq: 3 },
    ]);
    const at = expect.stringMatching(/Z$/) as string;
    expect(found).toEqual([
      { seq: 2, delivery: 'pending', reason: null, at },
      { seq: 3, delivery: 'pending', reason: null, at },
    ]);
    // A page tells of its own items only.
    expect((await client.sessions.messages({ id, last: 1 })).deliveries).toEqual(found.slice(1));
    expect((await client.sessions.messages({ id, limit: 1 })).deliveries).toEqual([]);
  });

  it('is changed without the message: the session has another revision, its messages are the same', async () => {
    const id = await prepared();
    const before = await client.sessions.get({ id });
    const { items } = await client.sessions.messages({ id });
    const answer = await client.sessions.setDelivery({ id, messageId: 'one', delivery: 'sent' });
    expect(answer).toMatchObject({ id: 'one', seq: 2, delivery: 'sent', reason: null });
    await client.sessions.setDelivery({ id, messageId: 'two', delivery: 'failed', reason: 'Netz „weg“ 😀' });
    // One that had none gets one.
    const last = await client.sessions.setDelivery({ id, messageId: 'plain', delivery: 'pending' });
    expect(await deliveries(id)).toEqual([
      [1, 'pending', null],
      [2, 'sent', null],
      [3, 'failed', 'Netz „weg“ 😀'],
    ]);
    const after = await client.sessions.get({ id });
    expect(after.revision).toBe(last.revision);
    expect(new Set([before.revision, answer.revision, last.revision]).size).toBe(3);
    expect({ ...after, revision: '', updatedAt: '' }).toEqual({ ...before, revision: '', updatedAt: '' });
    expect(itemsOf(await client.sessions.messages({ id }))).toEqual(items);
  });

  it('set to what it is changes nothing, neither revision nor time; another reason is a change', async () => {
    const id = await prepared();
    const set = (reason?: string) =>
      client.sessions.setDelivery({
        id,
        messageId: 'one',
        delivery: 'failed',
        ...(reason !== undefined && { reason }),
      });
    const first = await set('x');
    const before = await client.sessions.get({ id });
    await until('the clock moves on', () => Date.now() > Date.parse(first.at));
    expect(await set('x')).toEqual(first);
    expect(await client.sessions.get({ id })).toEqual(before);
    for (const reason of ['y', undefined]) expect((await set(reason)).reason).toBe(reason ?? null);
    expect((await client.sessions.get({ id })).revision).not.toBe(before.revision);
  });

  it('may go any way: sent may fail after all, and failed be tried again', async () => {
    const id = await prepared();
    for (const delivery of ['sent', 'failed', 'pending', 'sent', 'pending'] as const) {
      await client.sessions.setDelivery({ id, messageId: 'one', delivery });
      expect((await deliveries(id))[0]).toEqual([2, delivery, null]);
    }
  });

  it('does not come from a replay, and a replay does not take it back', async () => {
    const id = await prepared();
    await client.sessions.setDelivery({ id, messageId: 'one', delivery: 'sent' });
    const again = { id, messages: [{ id: 'one', n: 1 }, { id: 'plain' }, { id: 'new' }], delivery: 'pending' as const };
    await client.sessions.append(again);
    expect(await deliveries(id)).toEqual([
      [2, 'sent', null],
      [3, 'pending', null],
      [4, 'pending', null],
    ]);
  });

  it('is set once for one key', async () => {
    const id = await prepared();
    const set = (delivery: 'sent' | 'failed', key: string) =>
      client.sessions.setDelivery({ id, messageId: 'one', delivery }, { key });
    const first = await set('sent', `a ${id}`);
    await set('failed', `b ${id}`);
    expect(await set('sent', `a ${id}`)).toEqual(first);
    expect((await deliveries(id))[0]).toEqual([2, 'failed', null]);
    expect(await codeOf(set('failed', `a ${id}`))).toBe('key_reused');
  });

  it('is of a message that the session has', async () => {
    const id = await prepared();
    const set = (of: string, messageId: string) => client.sessions.setDelivery({ id: of, messageId, delivery: 'sent' });
    for (const [of, messageId] of [
      [id, 'none'],
      [id, 'ONE'],
      ['none', 'one'],
      [(await client.sessions.create()).id, 'one'],
    ] as const) {
      expect(await codeOf(set(of, messageId))).toBe('not_found');
    }
    await client.sessions.append({ id, messages: [{ id: 'cafe\u0301 / 1 😀' }] });
    expect(await set(id, 'caf\u00e9 / 1 😀')).toMatchObject({ id: 'caf\u00e9 / 1 😀', seq: 4 });
    const path = `/v1/apps/test/sessions/${id}/messages/one/delivery`;
    const put = (body: object) => send(home.paths.socket, 'PUT', path, body);
    for (const delivery of ['SENT', '', null, undefined, 1]) {
      expect(wrongFields(await put({ delivery }))).toEqual(['delivery']);
    }
    for (const reason of [7, 'x'.repeat(1001), 'a\0']) {
      expect(wrongFields(await put({ delivery: 'failed', reason }))).toEqual(['reason']);
    }
  });

  it('stays with the messages that a replace keeps, over a delete with its restore, and over a kill', async () => {
    const id = await prepared();
    await client.sessions.setDelivery({ id, messageId: 'one', delivery: 'failed', reason: 'x' });
    const kept = [{ id: 'plain' }, { id: 'one', n: 1 }];
    await client.sessions.replace({ id, messages: [...kept, { id: 'two', other: true }] });
    // The third is another message now.
    expect(await deliveries(id)).toEqual([[2, 'failed', 'x']]);
    await client.sessions.delete({ id });
    expect(await codeOf(client.sessions.setDelivery({ id, messageId: 'one', delivery: 'sent' }))).toBe('not_found');
    await client.sessions.restore({ id });
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await deliveries(id)).toEqual([[2, 'failed', 'x']]);
  });

  it('is told in a stream beside its message', async () => {
    const id = await prepared();
    const lines = await Array.fromAsync(client.sessions.stream({ id }));
    const told = lines.flatMap((line) => ('delivery' in line ? [line.delivery] : []));
    expect(told).toEqual((await client.sessions.messages({ id })).deliveries);
  });

  it('that is damaged is told as such, and setting it anew mends it', async () => {
    const id = await prepared();
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    db.exec("UPDATE delivery SET delivery = 'sent' WHERE id = 'one'");
    db.close();
    daemon = await home.start();
    const page = await client.sessions.messages({ id });
    expect(page.items).toHaveLength(3);
    expect(page.deliveries).toMatchObject([{ seq: 2, damaged: { reason: expect.any(String) as string } }, { seq: 3 }]);
    await client.sessions.setDelivery({ id, messageId: 'one', delivery: 'failed' });
    expect(await deliveries(id)).toEqual([
      [2, 'failed', null],
      [3, 'pending', null],
    ]);
  });
});
