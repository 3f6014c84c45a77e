import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { maxBatchBody, maxBatchCalls } from '../../shared/protocol.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { exchange } from '../helpers/raw.ts';
import { refused, wrongFields } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';

const puts = (app: string, count: number, more: object = {}) =>
  Array.from({ length: count }, (_, n) => ({ op: 'feeds.put', app, input: { name: `n${n}`, url, ...more } }));

const append = (id: string, from: string, n: number) => ({
  op: 'sessions.append' as const,
  app: 'test',
  input: { id, messages: [{ from, n }] },
});

describe('the bounds of a batch', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (body: unknown) => send(home.paths.socket, 'POST', '/v1/batch', body);
  const countOf = async (app: string) => (await client.feeds.list({ app, limit: 1000 })).items.length;

  it.each([false, true])('atomic %s: 1,000 calls, and not one more', async (atomic) => {
    const app = `calls-${atomic}`;
    expect(wrongFields(await post({ atomic, calls: puts(app, maxBatchCalls + 1) }))).toEqual(['calls']);
    expect(await countOf(app)).toBe(0);
    const reply = await post({ atomic, calls: puts(app, maxBatchCalls) });
    const { results } = reply.json as { results: { status: number; output: { name: string } }[] };
    expect(results.map(({ output }) => output.name)).toEqual(puts(app, maxBatchCalls).map(({ input }) => input.name));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await countOf(app)).toBe(maxBatchCalls);
  });

  it('so many secrets as a body can hold end nothing but their own call', async () => {
    const calls = Array.from({ length: 170_000 }, () => ({ op: 'auth.put', input: { apiKey: 'a' } }));
    expect(wrongFields(await post({ calls }))).toEqual(['calls']);
    expect(await client.system.health()).toMatchObject({ status: 'ok', pid: daemon.pid });
  });

  it.each([false, true])('atomic %s: 8 MiB, and not a byte more', async (atomic) => {
    const id = `bytes-${atomic}`;
    await client.sessions.create({ id });
    const bodyOf = (text: string) =>
      JSON.stringify({ atomic, calls: [{ op: 'sessions.append', app: 'test', input: { id, messages: [{ text }] } }] });
    const room = maxBatchBody - bodyOf('').length;
    // The head alone: the daemon refuses before it has read the rest.
    const head = 'POST /v1/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    const refusal = await exchange(home.paths.socket, `${head}content-length: ${maxBatchBody + 1}\r\n\r\n`);
    expect(refused(refusal)).toBe('413 too_large');
    expect((await client.sessions.get({ id })).messageCount).toBe(0);
    expect(await post(bodyOf('x'.repeat(room)))).toMatchObject({ status: 200, json: { results: [{ status: 201 }] } });
    expect((await client.sessions.get({ id })).messageCount).toBe(1);
  });

  it('many batches of both forms beside plain writes: each happens once, and in the order of its batch', async () => {
    const sessions = ['a', 'b', 'c'];
    for (const id of sessions) await client.sessions.create({ id });
    let next = 0;
    const from = () => `writer ${next++}`;
    const batches = Array.from({ length: 40 }, async (_, index) => {
      const [writer, id = ''] = [from(), sessions[index % 3]];
      const calls = Array.from({ length: 10 }, (_each, n) => append(id, writer, n));
      const { results } = (await post({ atomic: index % 2 === 0, calls })).json as { results: { status: number }[] };
      return results.map(({ status }) => status);
    });
    const plain = Array.from({ length: 100 }, async (_, index) => {
      const { app: _app, input } = append(sessions[index % 3] ?? '', from(), 0);
      return (await client.sessions.append(input)).head > 0 && [201];
    });
    expect(new Set((await Promise.all([...batches, ...plain])).flat())).toEqual(new Set([201]));
    const pages = await Promise.all(sessions.map((id) => client.sessions.messages({ id, limit: 1000 })));
    const messages = pages.flatMap(({ items }) => items as unknown as { from: string; n: number }[]);
    expect(messages).toHaveLength(500);
    const writers = Map.groupBy(messages, (message) => message.from);
    expect(writers.size).toBe(140);
    for (const own of writers.values()) expect(own.map(({ n }) => n)).toEqual(own.map((_, n) => n));
  });

  it('an answer that is too large for one is refused, and the daemon lives', async () => {
    await client.sessions.create({ id: 'large' });
    const text = 'x'.repeat(3 * 1024 * 1024);
    await client.sessions.append({ id: 'large', messages: [{ text }] });
    const read = { op: 'sessions.messages', app: 'test', input: { id: 'large' } };
    const reply = await post({ atomic: true, calls: Array.from({ length: maxBatchCalls }, () => read) });
    expect(refused(reply)).toBe('413 too_large');
    expect(daemon.child.exitCode).toBe(null);
    expect((await client.sessions.get({ id: 'large' })).messageCount).toBe(1);
    // Red control: a few of them are answered.
    expect((await post({ atomic: true, calls: [read, read] })).status).toBe(200);
  });
});
