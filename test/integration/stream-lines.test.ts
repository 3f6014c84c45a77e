import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { differences } from '../helpers/identical.ts';
import { linesOf, messagesIn, messagesOf, readAll } from '../helpers/streams.ts';

const MiB = 1024 * 1024;

describe('the lines of a stream', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const lines = async (id: string, query = '') =>
    linesOf((await readAll(home.paths.socket, messagesOf(id, query))).text);

  it('tell what became of a message after it, also of one that looks like another kind of line', async () => {
    const { id } = await client.sessions.create();
    const looks = [
      { end: { head: 9 } },
      { problem: { code: 'busy' } },
      { delivery: 'x' },
      { id: 'end', damaged: { reason: 'no' } },
    ];
    await client.sessions.append({ id, messages: looks, delivery: 'pending' });
    await client.sessions.setDelivery({ id, messageId: 'end', delivery: 'failed', reason: 'line\nbreak' });
    const all = await lines(id);
    expect(messagesIn(all)).toMatchObject(looks.map((message, index) => ({ ...message, seq: index + 1 })));
    expect(all.map((line) => ('seq' in line ? 'message' : Object.keys(line).join()))).toEqual([
      ...looks.flatMap(() => ['message', 'delivery']),
      'end',
    ]);
    const at = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;
    expect(all[1]).toEqual({ delivery: { seq: 1, delivery: 'pending', reason: null, at } });
    expect(all[7]).toEqual({ delivery: { seq: 4, delivery: 'failed', reason: 'line\nbreak', at } });
    // A fork shares messages, and not what became of them.
    const { id: fork } = await client.sessions.fork({ id });
    expect((await lines(fork)).filter((line) => !('seq' in line))).toMatchObject([{ end: { head: 4 } }]);
  });

  it('carry hostile content code unit for code unit, a line for a message', async () => {
    const { id } = await client.sessions.create();
    const messages = hostile.map(([name, value]) => ({ id: name, role: 'user', content: value, [name]: value }));
    await client.sessions.append({ id, messages });
    const all = messagesIn(await lines(id));
    expect(all).toHaveLength(messages.length);
    for (const [index, { seq: _, ...line }] of all.entries()) {
      const { id: name, ...others } = line;
      expect(name).toBe(hostile[index]?.[0]);
      expect(
        differences(others, {
          role: 'user',
          content: messages[index]?.content,
          [String(name)]: messages[index]?.content,
        }),
      ).toEqual([]);
    }
  });

  it('of messages of 5 MiB are whole too', async () => {
    const { id } = await client.sessions.create();
    for (const n of [1, 2, 3]) await client.sessions.append({ id, messages: [{ n, x: `${n}`.repeat(5 * MiB) }] });
    expect(messagesIn(await lines(id)).map(({ n, x }) => [n, String(x).length])).toEqual(
      [1, 2, 3].map((n) => [n, 5 * MiB]),
    );
  });

  it('tell a damaged message and a lost one in their places, and count them at the end', async () => {
    const { id } = await client.sessions.create({ id: 'damaged' });
    const messages = Array.from({ length: 600 }, (_, index) => ({ id: `m${index + 1}`, role: 'user', n: index + 1 }));
    await client.sessions.append({ id, messages, delivery: 'pending' });
    await client.sessions.setDelivery({ id, messageId: 'm4', delivery: 'failed', reason: 'harmed' });
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    const damages = [
      "UPDATE log SET content = '{' WHERE id = 'm2'",
      "UPDATE log SET content = '{\"n\":8}' WHERE id = 'm300'",
      "DELETE FROM log WHERE id = 'm513'",
      "UPDATE delivery SET delivery = 'sent' WHERE reason = 'harmed'",
    ];
    const touched = damages.map((sql) => Number(db.prepare(sql).run().changes));
    db.close();
    expect(touched).toEqual([1, 1, 1, 1]);
    daemon = await home.start();

    const all = await lines(id);
    const reason = expect.stringMatching(/checksum|missing/) as unknown;
    expect(messagesIn(all).map(({ seq }) => seq)).toEqual(messages.map(({ n }) => n));
    expect(all.filter((line) => 'damaged' in line)).toEqual([
      { id: 'm2', seq: 2, damaged: { reason } },
      { id: 'm300', seq: 300, damaged: { reason } },
      { seq: 513, damaged: { reason } },
    ]);
    expect(all.filter((line) => JSON.stringify(line).includes('"delivery":{"seq":4,'))).toEqual([
      { delivery: { seq: 4, damaged: { reason } } },
    ]);
    expect(all.at(-1)).toEqual({ end: { head: 600, generation: 0, damagedCount: 4 } });
    expect((await lines(id, '?after=300&before=513')).at(-1)).toMatchObject({ end: { damagedCount: 0 } });
  });

  it('are none when the head is damaged: that is a problem document', async () => {
    const { id } = await client.sessions.create({ id: 'head' });
    await client.sessions.append({ id, messages: [{ n: 1 }] });
    await daemon.end();
    const db = new DatabaseSync(home.paths.database);
    const sql = `UPDATE session_head SET head = 2 WHERE session_no = (SELECT session_no FROM session WHERE id = 'head')`;
    expect(db.prepare(sql).run().changes).toBe(1);
    db.close();
    daemon = await home.start();
    const { status, text } = await readAll(home.paths.socket, messagesOf(id));
    expect({ status, problem: JSON.parse(text) as unknown }).toMatchObject({
      status: 422,
      problem: { code: 'damaged' },
    });
  });
});
