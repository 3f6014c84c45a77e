import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../../client/retry.ts';
import type { Transport } from '../../client/transport.ts';

/** The client's HTTP from the other side: a server that writes the bytes it is told to. */
export class ByteServer implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  readonly path = join(this.#folder, 'x.sock');
  /** Connections that are open. */
  readonly sockets = new Set<Socket>();
  /** Connections so far, most of them at one time, and requests. */
  opened = 0;
  most = 0;
  requests = 0;
  answer: (socket: Socket, number: number) => void = () => undefined;
  readonly #server = createServer((socket) => {
    this.opened += 1;
    this.sockets.add(socket);
    this.most = Math.max(this.most, this.sockets.size);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    // Requests here are short and have no body, so each arrives whole.
    socket.on('data', () => this.answer(socket, ++this.requests));
  });

  async listen(): Promise<this> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
    rmSync(this.#folder, { recursive: true });
  }
}

export const get = (transport: Transport, signal = new AbortController().signal): Promise<string> =>
  transport.send({ method: 'GET', path: '/', headers: {}, body: undefined, signal });

/** The code of the error that a call ends with; 'answered' when it does not. */
export const failure = (call: Promise<string>): Promise<string> => call.then(() => 'answered', codeOf);

/** An answer with a length, and one in chunks. */
export const whole = (body: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const chunked = (...parts: string[]): string =>
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${[...parts, '']
    .map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`)
    .join('')}`;
