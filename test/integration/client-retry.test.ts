import { renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, HoldfastError, type Client, type ConnectOptions } from '../../client/index.ts';
import { codeOf } from '../../client/retry.ts';
import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import { FakeDaemon, good, refuse, type Answer } from '../helpers/fake-daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const url = 'https://example.org/feed.xml';
const uuidv7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('what the client sends again', () => {
  let folder: string;
  let socket: string;
  let client: Client;
  const open: AsyncDisposable[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    socket = join(folder, 'x.sock');
    client = newClient();
  });
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const newClient = (options: Partial<ConnectOptions> = {}) => {
    const made = connect({ app: 'test', socket, ...options });
    open.push(made);
    return made;
  };
  const serve = async (answer: Answer) => {
    const fake = await FakeDaemon.listen(socket, answer);
    open.push(fake);
    return fake;
  };

  const codes = Object.entries(errorTable).map(([code, { retryable }]) => [code as ErrorCode, retryable] as const);
  // A full disk and what became of a refresh are told at once, though the same call may work later.
  const atOnce = new Set<ErrorCode>(['storage_full', 'refresh_failed', 'refreshing']);
  const final = codes.filter(([code, retryable]) => !retryable || atOnce.has(code)).map(([code]) => code);
  const passing = codes.map(([code]) => code).filter((code) => !final.includes(code));

  it.each(final)('%s is told at once, with all that the problem says', async (code) => {
    const fake = await serve((response) => refuse(response, code));
    for (const call of [() => client.feeds.put({ name: 'x', url }), () => client.feeds.get({ name: 'x' })]) {
      expect(await refusal(call())).toMatchObject({
        code,
        status: errorTable[code].status,
        message: `This is ${code}.`,
        requestId: 'request-1',
        details: { current: 'epoch.7', errors: [{ path: 'name', message: 'must be other' }] },
      });
    }
    expect(fake.requests).toHaveLength(2);
  });

  it.each(passing)('%s is sent again with the same key and body', async (code) => {
    const fake = await serve((response, _, number) =>
      number < 4 ? refuse(response, code, { 'retry-after': '1' }) : good(response, { name: 'x' }),
    );
    expect(await client.feeds.put({ name: 'x', url, metadata: { n: 1 } })).toEqual({ name: 'x' });
    expect(fake.requests).toHaveLength(4);
    expect(new Set(fake.requests.map(({ body }) => body)).size).toBe(1);
    expect(new Set(fake.keys).size).toBe(1);
    expect(fake.keys[0]).toMatch(uuidv7);
  });

  it.each<[string, Answer]>([
    ['closed without an answer', (response) => response.destroy()],
    ['cut in the headers', (response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-le')],
    ['cut in the body', (response) => response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"name":')],
    [
      'cut in a chunk',
      (response) => response.socket?.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"na'),
    ],
  ])('a connection %s: once more, with the same key', async (_, cut) => {
    const fake = await serve((response, request, number) => {
      if (number % 3 === 0) good(response, { name: 'x' });
      else cut(response, request, number);
    });
    expect(await client.feeds.put({ name: 'x', url })).toEqual({ name: 'x' });
    expect(fake.requests).toHaveLength(3);
    expect(new Set(fake.keys).size).toBe(1);
    expect(fake.keys[0]).toMatch(uuidv7);
    expect(await client.feeds.get({ name: 'x' })).toEqual({ name: 'x' });
    expect(fake.requests).toHaveLength(6);
  });

  it('each write has its own key unless the application gives one; a read has none', async () => {
    const fake = await serve((response) => good(response));
    for (const key of [undefined, undefined, 'given']) {
      await client.feeds.put({ name: 'x', url }, key === undefined ? {} : { key });
    }
    await client.feeds.get({ name: 'x' });
    const [first, second, third, read] = fake.keys;
    expect([first, second]).toEqual([expect.stringMatching(uuidv7), expect.stringMatching(uuidv7)]);
    expect(first).not.toBe(second);
    expect([third, read]).toEqual(['given', undefined]);
  });

  /** Whether a call ends for this reason; on a machine under load its time may be up before it finds any. */
  const refusedFor = async (code: string) => {
    const { cause } = await refusal(client.feeds.get({ name: 'x' }, { deadlineMs: 100 }));
    return codeOf(cause) === code;
  };

  it('a daemon that is not there yet: the call waits for its socket', async () => {
    await until('it is refused for ENOENT', () => refusedFor('ENOENT'));
    const call = client.feeds.put({ name: 'x', url });
    const fake = await serve((response) => good(response, { name: 'x' }));
    expect(await call).toEqual({ name: 'x' });
    expect(fake.keys).toEqual([expect.stringMatching(uuidv7)]);
  });

  it('a socket that a killed daemon left: the call waits for the next', async () => {
    const killed = createServer().listen(`${socket}.first`);
    await once(killed, 'listening');
    renameSync(`${socket}.first`, socket);
    killed.close();
    await until('it is refused for ECONNREFUSED', () => refusedFor('ECONNREFUSED'));
    const call = client.feeds.put({ name: 'x', url });
    rmSync(socket);
    const fake = await serve((response) => good(response, { name: 'x' }));
    expect(await call).toEqual({ name: 'x' });
    expect(fake.keys).toEqual([expect.stringMatching(uuidv7)]);
  });

  it('a daemon that is not well answers what it has to say of itself, not an error', async () => {
    const report = { status: 'unhealthy', reasons: ['storage_unreadable'] };
    await serve((response) => {
      response.writeHead(503, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(report));
    });
    expect(await client.system.health()).toEqual(report);
  });

  it('answers that are no problem documents are still told as HoldfastError', async () => {
    const texts = ['', '<html>', 'null', '"text"', '{}'];
    const fake = await serve((response, _, number) => response.writeHead(500).end(texts[number - 1]));
    for (const _ of texts) {
      const error: unknown = await client.feeds.put({ name: 'x', url }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(HoldfastError);
    }
    expect(fake.requests).toHaveLength(texts.length);
  });

  it('a key that no header can carry is refused, not taken for a silent daemon', async () => {
    const fake = await serve((response) => good(response));
    for (const key of ['a\nb', 'schlüssel 🔑']) {
      expect(await refusal(client.feeds.put({ name: 'x', url }, { key }))).toMatchObject({ code: 'invalid_input' });
    }
    expect(fake.requests).toEqual([]);
  });

  it.each([
    [3, 3],
    [undefined, 16],
  ])('with maxSockets %s never more than %i connections are open', async (maxSockets, most) => {
    const waiting: (() => void)[] = [];
    const fake = await serve((response) => waiting.push(() => good(response)));
    const bounded = newClient(maxSockets === undefined ? {} : { maxSockets });
    const calls = Promise.all(Array.from({ length: 60 }, () => bounded.system.health()));
    for (let answered = 0; answered < 60; answered += most) {
      await until('all connections wait', () => waiting.length === Math.min(most, 60 - answered));
      for (const answer of waiting.splice(0)) answer();
    }
    await calls;
    expect(fake.mostConnections).toBe(most);
  });
});
