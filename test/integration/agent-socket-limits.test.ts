import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { curl, send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { exchange } from '../helpers/raw.ts';
import { refused } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

let home: TestHome;
let daemon: DaemonProcess;
let agent: string;
let main: string;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  ({ agentSocket: agent, socket: main } = home.paths);
});
afterAll(() => home[Symbol.asyncDispose]());

const body = (id: string, bytes: number) => JSON.stringify({ id, metadata: { text: 'x'.repeat(bytes) } });
const version = (socket: string) => curl(socket, 'GET', '/v1/version');
/** Whether the daemon answers on a connection. */
const serves = (socket: Socket) =>
  new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
    socket.write('GET /v1/health HTTP/1.1\r\nhost: localhost\r\n\r\n');
  });

// First: connections that are kept open count too.
it('a connection too many is closed, and the main socket takes it', async () => {
  const open: Socket[] = [];
  const connected = async (path: string) => {
    const socket = connect(path).on('error', () => undefined);
    open.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  for (let count = 0; count < 64; count++) await connected(agent);
  expect((await Promise.all(open.map(serves))).every(Boolean)).toBe(true);
  expect(await serves(await connected(agent))).toBe(false);
  expect(await serves(await connected(main))).toBe(true);
  for (const socket of open) socket.destroy();
});

it('a body over 1 MiB is refused before it is read, and one of unknown length', async () => {
  const path = '/v1/apps/test/sessions';
  const small = 900 * 1024;
  expect((await send(agent, 'POST', path, body('small', small))).status).toBe(201);
  // What was sent of it may still be under way when the daemon closes.
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
  const large = await exchange(agent, `${head}content-length: 1048577\r\n\r\n`);
  expect(refused(large)).toBe('413 too_large');
  expect(large.headers.get('connection')).toBe('close');
  const chunked = `${head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
  const chunk = '{"id":"chunked"}';
  const whole = `${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`;
  expect(refused(await exchange(agent, chunked, whole))).toBe('400 invalid_input');
  // Red controls.
  expect((await exchange(main, chunked, whole)).status).toBe(201);
  const blank = `${body('blank', 10)}${' '.repeat(1024 * 1024)}`;
  expect((await send(main, 'POST', path, blank)).status).toBe(201);
});

it('so many answers are streamed at once, and one more when one has ended', async () => {
  const readers = await Promise.all(Array.from({ length: 8 }, () => EventReader.open(agent)));
  expect(readers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
  const reply = await curl(agent, 'GET', '/v1/changes');
  expect(refused(reply)).toBe('503 busy');
  expect(reply.headers['retry-after']).toBeDefined();
  using other = await EventReader.open(main);
  expect(other.status).toBe(200);
  readers.pop()?.[Symbol.dispose]();
  await until('one more is served', async () => {
    using reader = await EventReader.open(agent);
    return reader.status === 200;
  });
  for (const reader of readers) reader[Symbol.dispose]();
});

it('too many calls wait, each of a batch counted, and nobody on the main socket does', async () => {
  const read = { op: 'feeds.list', app: 'test', input: {} };
  const batch = { atomic: true, calls: Array.from({ length: 1000 }, () => read) };
  // What the batch leaves to be paid is paid in three seconds.
  const reply = await until('one call too many', async () => {
    if ((await send(agent, 'POST', '/v1/batch', batch)).status !== 200) return;
    const next = await version(agent);
    return next.status !== 200 && next;
  });
  expect(refused(reply)).toBe('429 rate_limited');
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  expect((await send(main, 'POST', '/v1/batch', batch)).status).toBe(200);
  expect((await version(main)).status).toBe(200);
  // The client waits by itself.
  expect((await home.client({ socket: agent }).system.version()).protocol).toBe(1);
  expect(daemon.log.filter(({ code }) => code === 'rate_limited')).toEqual([]);
  // Red control: another refusal has its line.
  expect(daemon.log.filter(({ code }) => code === 'busy')).not.toEqual([]);
});
