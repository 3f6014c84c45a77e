import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Transport } from '../../client/transport.ts';
import { until } from '../helpers/wait.ts';
import { ByteServer, failure, get, whole } from './connection-server.ts';

describe('the connections of a client', () => {
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

  it('an aborted call ends its connection, and only it', async () => {
    const waiting: Socket[] = [];
    server.answer = (socket) => waiting.push(socket);
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const calls = [first, second, third].map(({ signal }) => get(transport, signal).catch((error: unknown) => error));
    await until('two are under way', () => waiting.length === 2);
    third.abort('third');
    expect(await calls[2]).toBe('third');
    first.abort('first');
    expect(await calls[0]).toBe('first');
    waiting[1]?.write(whole('b'));
    expect(await calls[1]).toBe('b');
    expect(server.requests).toBe(2);
  });

  it('a call aborted in the moment its turn comes is aborted', async () => {
    transport.close();
    transport = new Transport(server.path, 1);
    server.answer = (socket, number) => number === 1 && socket.write(whole('a'));
    const controller = new AbortController();
    const first = get(transport).then(() => controller.abort('given up'));
    const second = get(transport, controller.signal).catch((error: unknown) => error);
    await first;
    const silent = new Promise((resolve) => setTimeout(resolve, 1000, 'neither answered nor aborted').unref());
    expect(await Promise.race([second, silent])).toBe('given up');
  });

  it('close ends the calls under way and those that wait for their turn', async () => {
    server.answer = () => undefined;
    const calls = Array.from({ length: 10 }, () => failure(get(transport)));
    await until('two are under way', () => server.requests === 2);
    transport.close();
    const silent = new Promise<string[]>((resolve) => setTimeout(resolve, 1000, ['silent']).unref());
    expect(new Set(await Promise.race([Promise.all(calls), silent]))).toEqual(new Set(['ERR_CLIENT_CLOSED']));
    expect(await failure(get(transport))).toBe('ERR_CLIENT_CLOSED');
    expect(server.requests).toBe(2);
  });

  it('of a thousand calls at once never more than the bound are open', async () => {
    server.answer = (socket) => void setImmediate(() => socket.write(whole('x')));
    transport.close();
    transport = new Transport(server.path, 7);
    expect(new Set(await Promise.all(Array.from({ length: 1000 }, () => get(transport))))).toEqual(new Set(['x']));
    expect([server.requests, server.opened, server.most]).toEqual([1000, 7, 7]);
    // Red control: with another bound there are as many.
    transport.close();
    transport = new Transport(server.path, 20);
    await Promise.all(Array.from({ length: 100 }, () => get(transport)));
    expect(server.opened).toBe(27);
  });
});
