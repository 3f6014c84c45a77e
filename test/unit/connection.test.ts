import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Transport } from '../../client/transport.ts';
import { until } from '../helpers/wait.ts';
import { ByteServer, chunked, failure, get, whole } from './connection-server.ts';

async function byByte(socket: Socket, bytes: Buffer) {
  for (const byte of bytes) await new Promise((sent) => socket.write(Buffer.of(byte), sent));
}

describe('a connection of the client', () => {
  let server: ByteServer;
  let transport: Transport;
  beforeEach(async () => {
    server = await new ByteServer().listen();
    transport = new Transport(server.path, 2);
  });
  afterEach(async () => {
    transport.close();
    await server[Symbol.asyncDispose]();
  });

  const text = 'é😀 {"a":"\r\n\r\nHTTP/1.1 200 OK\r\n"}';
  it.each([
    ['with a length', whole(text)],
    ['with other headers', whole(text, 'X-Other:  a: b \r\nEMPTY:\r\n')],
    ['in one chunk', chunked(text)],
    ['in many chunks', chunked(...text.split(' '), 'x'.repeat(300))],
  ])('reads an answer %s, also when it comes byte by byte', async (_, bytes) => {
    const expected = bytes.includes('xxx') ? text.replaceAll(' ', '') + 'x'.repeat(300) : text;
    server.answer = (socket) => socket.write(bytes);
    expect(await get(transport)).toBe(expected);
    server.answer = (socket) => void byByte(socket, Buffer.from(bytes));
    expect(await get(transport)).toBe(expected);
    expect(server.opened).toBe(1);
  });

  it('an empty answer is one', async () => {
    server.answer = (socket) => socket.write(whole(''));
    expect(await get(transport)).toBe('');
    server.answer = (socket) => socket.write(chunked());
    expect(await get(transport)).toBe('');
  });

  it('uses a connection again, unless the answer says close', async () => {
    server.answer = (socket) => socket.write(whole('kept'));
    for (let n = 0; n < 3; n++) expect(await get(transport)).toBe('kept');
    expect(server.opened).toBe(1);
    server.answer = (socket) => socket.write(whole('closed', 'Connection: close\r\n'));
    expect(await get(transport)).toBe('closed');
    expect(await get(transport)).toBe('closed');
    expect(server.opened).toBe(2);
  });

  it('a connection that the daemon closed while nothing was under way is not used again', async () => {
    server.answer = (socket) => socket.write(whole('x'), () => socket.end());
    await get(transport);
    await until('it is closed', () => server.sockets.size === 0);
    server.answer = (socket) => socket.write(whole('y'));
    expect(await get(transport)).toBe('y');
    expect(server.opened).toBe(2);
  });

  it.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n{}'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}'],
    ['a length below zero', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}'],
    ['a chunk without a length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n{}\r\n'],
    ['a chunk whose length is below zero', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-4\r\n{}\r\n'],
    ['two answers at once', whole('a') + whole('b')],
    ['an answer and the start of another', `${whole('a')}HTT`],
  ])('%s: the call fails, the connection is closed, and the next one works', async (_, bytes) => {
    server.answer = (socket) => socket.write(bytes);
    expect(await failure(get(transport, AbortSignal.timeout(2000)))).toBe('EPROTO');
    await until('it is closed', () => server.sockets.size === 0);
    server.answer = (socket) => socket.write(whole('good'));
    expect(await get(transport)).toBe('good');
    expect(server.opened).toBe(2);
  });

  it.each([
    ['before a byte', ''],
    ['in the head', 'HTTP/1.1 200 OK\r\nconte'],
    ['in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab'],
    ['before the last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n'],
  ])('an answer cut %s is an error', async (_, bytes) => {
    server.answer = (socket) => socket.end(bytes);
    expect(await failure(get(transport))).toBe('ECONNRESET');
  });

  it('what came while nothing was asked is no part of the next answer', async () => {
    server.answer = (socket) => socket.write(whole('a'));
    await get(transport);
    for (const socket of server.sockets) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n');
    await until('the connection is closed', () => server.sockets.size === 0, 2000);
    server.answer = (socket) => socket.write(whole('b'));
    expect(await get(transport)).toBe('b');
  });

  it.each([
    ['with a length', (body: string) => whole(body)],
    ['in chunks', (body: string) => chunked(...Array.from({ length: 1600 }, () => body.slice(0, 65_536)))],
  ])('an answer of 100 MB %s is read', async (_, bytes) => {
    const body = 'x'.repeat(1600 * 65_536);
    server.answer = (socket) => socket.write(bytes(body));
    const read = await get(transport);
    expect(read.length).toBe(body.length);
    expect(read === body).toBe(true);
  });
});
