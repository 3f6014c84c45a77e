import { Agent, request, type IncomingMessage } from 'node:http';
import { contract } from '../shared/contract.ts';
import { protocolHeader, versionHeader } from '../shared/headers.ts';
import { protocol, version } from '../shared/protocol.ts';
import { fromProblem, type HoldfastError, type Problem } from '../shared/errors.ts';
import { Connection } from './connection.ts';

/** What an answer says of the daemon that gave it. */
export interface Theirs {
  version: string;
  protocol: number;
}

/** The type of every answer that is no problem. */
const jsonType = 'application/json; charset=utf-8';

export interface Send {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal;
}

/**
 * HTTP over one Unix socket. Invariant: at most `maxSockets` connections for plain calls, each with one of them at a time:
 * Linux refuses when the listen queue is full. The one used last is used next, so that the others may end. Streams,
 * which are few and long, go through node:http.
 */
export class Transport {
  readonly #agent: Agent;
  readonly #socketPath: string;
  readonly #maxSockets: number;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  /** Told of an answer from another version than ours, and waited for; what it throws fails the call. */
  onOther: ((theirs: Theirs) => Promise<void>) | undefined;
  #closed = false;
  /** Calls under way, and what lets the next one that waits begin. */
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(socketPath: string, maxSockets: number) {
    this.#socketPath = socketPath;
    this.#maxSockets = maxSockets;
    this.#agent = new Agent({ keepAlive: true, scheduling: 'lifo' });
  }

  /** The body of an answer that succeeded; throws the error that another one holds. */
  async send({ method, path, headers, body, signal }: Send): Promise<string> {
    signal.throwIfAborted();
    if (this.#closed) throw closed();
    if (this.#active < this.#maxSockets) this.#active += 1;
    else await this.#turn(signal);
    // Either may have happened while it waited.
    if (signal.aborted || this.#closed) {
      this.#leave();
      throw this.#closed ? closed() : signal.reason;
    }
    const connection = this.#idle.pop() ?? this.#open();
    const abort = () => connection.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort);
    try {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const lines = Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}\r\n`);
      const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}\r\n`;
      const answer = await connection.exchange(head, body);
      const theirs = answer.headers.get(versionHeader);
      if (theirs !== undefined && theirs !== version) {
        await this.onOther?.({ version: theirs, protocol: Number(answer.headers.get(protocolHeader) ?? protocol) });
      }
      // A daemon that is not well says so in the document that was asked for, not in a problem.
      const isHealth = path === contract.system.health.path && answer.headers.get('content-type') === jsonType;
      if (answer.status < 300 || isHealth) return answer.body;
      throw refusalOf(answer.body, Number(answer.headers.get('retry-after')));
    } finally {
      signal.removeEventListener('abort', abort);
      if (this.#all.has(connection)) this.#idle.push(connection);
      this.#leave();
    }
  }

  /** Gives the place of a call that ends to the next. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#active -= 1;
  }

  /** Waits for the place of a call that ends. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const index = this.#waiting.indexOf(resolve);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
      reject(signal.reason as Error);
    };
    this.#waiting.push(resolve);
    signal.addEventListener('abort', leave);
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #open(): Connection {
    const connection: Connection = new Connection(this.#socketPath, () => {
      this.#all.delete(connection);
      const index = this.#idle.indexOf(connection);
      if (index !== -1) this.#idle.splice(index, 1);
    });
    this.#all.add(connection);
    return connection;
  }

  /** The answer of a stream, as it arrives. `opening` ends the wait for its first byte, `message.signal` all of it. */
  async open(message: Send, opening: AbortSignal): Promise<IncomingMessage> {
    if (this.#closed) throw closed();
    const begun = new AbortController();
    const giveUp = () => begun.abort(opening.reason);
    opening.addEventListener('abort', giveUp);
    try {
      return await this.#stream({ ...message, signal: AbortSignal.any([message.signal, begun.signal]) });
    } finally {
      opening.removeEventListener('abort', giveUp);
    }
  }

  async #stream({ method, path, headers, body, signal }: Send): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const about = { socketPath: this.#socketPath, agent: this.#agent, method, path, signal };
      const outgoing = request({ ...about, headers: { host: 'localhost', ...headers } }, resolve);
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw refusalOf(Buffer.concat(await response.toArray()).toString(), Number(response.headers['retry-after']));
  }

  /** Ends every call; a later one is refused. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.destroy(closed());
    this.#agent.destroy();
  }
}

/** Code of the error of a call whose client was closed. */
export const closedCode = 'ERR_CLIENT_CLOSED';
const closed = () => Object.assign(new Error('the client was closed'), { code: closedCode });

function refusalOf(text: string, retryAfter: number): HoldfastError {
  const error = fromProblem(JSON.parse(text) as Problem);
  if (retryAfter > 0) error.details.retryAfter = retryAfter;
  return error;
}
