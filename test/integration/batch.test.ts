import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import type { Operation } from '../../shared/operation.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refused, wrongFields } from '../helpers/refusal.ts';
import type { Client } from '../../client/index.ts';

const url = 'https://example.org/feed.xml';
interface Result {
  status: number;
  output?: unknown;
  problem?: { code: string; detail: string; errors?: { path: string }[] };
}

const put = (name: string, more: object = {}) => ({ op: 'feeds.put', app: 'test', input: { name, url }, ...more });

const codes = (results: Result[]) => results.map(({ status, problem }) => problem?.code ?? status);

const append = (id: string, n: number) => ({
  op: 'sessions.append',
  app: 'test',
  key: `${id} ${n}`,
  input: { id, messages: [{ n }] },
});

describe('a batch of independent writes', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const post = (body: unknown, headers = {}) => send(home.paths.socket, 'POST', '/v1/batch', body, headers);
  const run = async (calls: unknown[], headers = {}) => {
    const reply = await post({ calls }, headers);
    expect(reply.status).toBe(200);
    return (reply.json as { results: Result[] }).results;
  };

  it('answers each call as its own route would, in order, and one that is refused takes only itself back', async () => {
    const results = await run([
      { op: 'sessions.create', app: 'test', input: { id: 'order' } },
      append('order', 0),
      put('first'),
      put('first', { input: { name: 'first', url, ifAbsent: true } }),
      append('order', 1),
      { op: 'feeds.patch', app: 'test', input: { name: 'none', patch: {} } },
      put('first', { input: { name: 'first', url: 7 } }),
      { op: 'feeds.delete', app: 'test', input: { name: 'first' } },
      append('order', 2),
    ]);
    expect(codes(results)).toEqual([201, 201, 201, 'exists', 201, 'not_found', 'invalid_input', 200, 201]);
    expect(results.flatMap(({ output }) => (output as { head?: number } | undefined)?.head ?? [])).toEqual([
      0, 1, 2, 3,
    ]);
    expect(results.map(({ status }) => status)).toEqual([201, 201, 201, 409, 201, 404, 400, 200, 201]);
    const { items } = await client.sessions.messages({ id: 'order' });
    expect(items.map((item) => ('n' in item ? item['n'] : item))).toEqual([0, 1, 2]);
    expect(results[2]?.output).toMatchObject({ name: 'first', url });
  });

  it('belongs to the application that each call names', async () => {
    await run([put('of a', { app: 'a' }), put('of b', { app: 'b' })]);
    expect((await client.feeds.list({ app: 'a' })).items).toMatchObject([{ name: 'of a' }]);
    expect((await client.feeds.list({ app: 'b' })).items).toMatchObject([{ name: 'of b' }]);
  });

  it('a call has a key of its own, the same as on its own route', async () => {
    await client.sessions.create({ id: 'keys' });
    const first = await run([append('keys', 1), append('keys', 2)]);
    expect(await run([append('keys', 2), append('keys', 1), append('keys', 2)])).toEqual([
      first[1],
      first[0],
      first[1],
    ]);
    const own = await send(
      home.paths.socket,
      'POST',
      '/v1/apps/test/sessions/keys/messages',
      { messages: [{ n: 2 }] },
      {
        'idempotency-key': 'keys 2',
      },
    );
    expect([own.status, own.json]).toEqual([first[1]?.status, first[1]?.output]);
    expect(codes(await run([{ ...append('keys', 3), key: 'keys 1' }, append('keys', 4)]))).toEqual(['key_reused', 201]);
    expect((await client.sessions.get({ id: 'keys' })).messageCount).toBe(3);
    // Red control: without keys each of them happens.
    const { key: _, ...unkeyed } = append('keys', 5);
    await run([unkeyed, unkeyed]);
    expect((await client.sessions.get({ id: 'keys' })).messageCount).toBe(5);
  });

  it('takes no key for all of them', async () => {
    expect(refused(await post({ key: 'k', calls: [put('x')] }, { 'idempotency-key': 'k' }))).toBe('400 invalid_input');
    expect(wrongFields(await post({ key: 'k', calls: [put('x')] }))).toEqual(['key']);
  });

  it('is safe to send again with a key in the header, where its calls have none', async () => {
    await client.sessions.create({ id: 'again' });
    const { key: _, ...unkeyed } = append('again', 1);
    const headers = { 'idempotency-key': 'of the batch' };
    const calls = [unkeyed, unkeyed, append('again', 2)];
    const first = await run(calls, headers);
    expect(codes(first)).toEqual([201, 201, 201]);
    expect(await run(calls, headers)).toEqual(first);
    const others = [append('again', 3), { ...unkeyed, input: append('again', 4).input }];
    expect(codes(await run(others, headers))).toEqual([201, 'key_reused']);
    expect((await client.sessions.get({ id: 'again' })).messageCount).toBe(4);
  });

  const all = Object.entries(contract).flatMap(([group, verbs]) =>
    Object.entries(verbs as Record<string, Operation>).map(([verb, one]) => [`${group}.${verb}`, one] as const),
  );
  const inNone = all.filter(
    ([op, { stream, wait, secret }]) => stream || wait || secret || /^(search|system|keys|batch)\./.test(op),
  );

  it('no operation streams, waits, searches, answers a secret or is the daemon’s own', async () => {
    expect(inNone.map(([op]) => op)).toEqual(
      expect.arrayContaining([
        'auth.token',
        'auth.refresh',
        'pending.take',
        'system.health',
        'keys.backup',
        'batch.run',
      ]),
    );
    for (const [op] of inNone) {
      const call = { op, app: 'test', input: {} };
      const [, result] = await run([put('beside', { app: 'false' }), call]);
      expect([op, result]).toMatchObject([op, { problem: { code: 'invalid_input', errors: [{ path: 'op' }] } }]);
      const reply = await post({ atomic: true, calls: [put('beside', { app: 'true' }), call] });
      expect([op, refused(reply)]).toEqual([op, '400 invalid_input']);
      expect(reply.json).toMatchObject({ index: 1, errors: [{ path: 'op' }] });
    }
    expect((await client.feeds.list({ app: 'true' })).items).toEqual([]);
    expect((await client.feeds.list({ app: 'false' })).items).toHaveLength(1);
  });

  it('a read belongs into an atomic batch', async () => {
    const reads = all.filter(([op, { kind }]) => kind === 'read' && !inNone.some(([other]) => other === op));
    expect(reads.length).toBeGreaterThan(5);
    const results = await run(reads.map(([op]) => ({ op, app: 'test', input: {} })));
    expect(new Set(codes(results))).toEqual(new Set(['invalid_input']));
    expect(results.every(({ problem }) => problem?.detail.includes('only an atomic batch takes reads'))).toBe(true);
  });

  it.each(['__proto__', 'constructor', 'constructor.name', 'feeds.__proto__', 'toString', 'feeds', 'Feeds.put', ''])(
    'no operation is called %j',
    async (op) => {
      expect(codes(await run([{ op, app: 'test', input: {} }, put(`beside ${op}`)]))).toEqual(['invalid_input', 201]);
      expect(refused(await post({ atomic: true, calls: [{ op, app: 'test', input: {} }] }))).toBe('400 invalid_input');
    },
  );

  it.each([
    ['{}', 'calls'],
    ['{"calls":[]}', 'calls'],
    ['{"calls":{}}', 'calls'],
    ['{"calls":[null]}', 'calls.0'],
    ['{"calls":[{"op":"feeds.put"}]}', 'calls.0.input'],
    ['{"calls":[{"op":"feeds.put","input":[]}]}', 'calls.0.input'],
    ['{"calls":[{"op":7,"input":{}}]}', 'calls.0.op'],
    ['{"calls":[{"op":"feeds.put","input":{},"app":"A B"}]}', 'calls.0.app'],
    ['{"calls":[{"op":"feeds.put","input":{},"key":"a\\nb"}]}', 'calls.0.key'],
    ['{"calls":[{"op":"feeds.put","input":{},"key":""}]}', 'calls.0.key'],
    ['{"calls":[{"op":"feeds.put","input":{},"__proto__":{}}]}', 'calls.0.__proto__'],
    ['{"calls":[{"op":"feeds.put","input":{}}],"__proto__":{}}', '__proto__'],
    ['{"calls":[{"op":"feeds.put","input":{}}],"atomic":1}', 'atomic'],
  ])('%s is refused whole', async (body, field) => {
    expect(wrongFields(await post(body))).toContain(field);
  });

  it('fields that no operation has are refused, also by the names of a prototype', async () => {
    const inputs = ['"__proto__":{"url":"x"}', '"constructor":{}', '"other":1'];
    const calls = inputs.map((more) => `{"op":"feeds.put","app":"test","input":{"name":"p","url":"${url}",${more}}}`);
    const { results } = (await post(`{"calls":[${calls.join(',')}]}`)).json as { results: Result[] };
    expect(codes(results)).toEqual(['invalid_input', 'invalid_input', 'invalid_input']);
  });
});
