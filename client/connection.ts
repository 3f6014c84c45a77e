import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: string;
}

interface Exchange {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/** Why an exchange ended without an answer; `code` is what retry.ts decides by. */
const broken = (code: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code });

/**
 * One HTTP/1.1 connection over a Unix socket, one exchange at a time (RFC 9112). A client costs as much as the daemon does, so
 * this does what our own daemon needs and no more: answers with a length or in chunks, none to HEAD, no upgrade.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #ended: () => void;
  #received: Buffer = Buffer.alloc(0);
  #exchange: Exchange | undefined;

  /** `ended` is called once, when the connection can carry no more. */
  constructor(path: string, ended: () => void) {
    this.#ended = ended;
    this.#socket = connect(path);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(broken('ECONNRESET', 'the daemon closed the connection')));
  }

  /** Sends a request, whole, and answers what comes back. Idle connections do not keep the process alive. */
  exchange(head: string, body: string | undefined): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#exchange = { resolve, reject };
    this.#socket.ref();
    this.#socket.write(body === undefined ? head : head + body);
    return promise;
  }

  /** Ends it, and what is under way on it, for a reason. */
  destroy(reason: Error): void {
    this.#fail(reason);
  }

  #fail(error: Error): void {
    this.#exchange?.reject(error);
    this.#exchange = undefined;
    if (!this.#socket.destroyed) this.#socket.destroy();
    this.#ended();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let parsed: { answer: Answer; rest: Buffer; last: boolean } | undefined;
    try {
      parsed = parse(this.#received);
    } catch (error) {
      return this.#fail(error as Error);
    }
    if (!parsed) return;
    this.#received = parsed.rest;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!exchange || parsed.rest.length > 0)
      return this.#fail(broken('EPROTO', 'the daemon answered what was not asked'));
    this.#socket.unref();
    if (parsed.last) this.#fail(broken('ECONNRESET', 'the daemon closes the connection'));
    exchange.resolve(parsed.answer);
  }
}

/** The answer at the start of `bytes`; undefined when it is not whole yet, an error when it is none. */
function parse(bytes: Buffer): { answer: Answer; rest: Buffer; last: boolean } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})( |$)/.exec(first)?.[1]);
  if (!(status >= 200)) throw broken('EPROTO', 'this is no answer of HTTP/1.1');
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const content =
    headers.get('transfer-encoding') === 'chunked' ? chunks(bytes, end + 4) : measured(bytes, end + 4, headers);
  if (!content) return undefined;
  const answer = { status, headers, body: content.body.toString() };
  return { answer, rest: bytes.subarray(content.end), last: headers.get('connection') === 'close' };
}

function measured(bytes: Buffer, start: number, headers: ReadonlyMap<string, string>) {
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(length)) throw broken('EPROTO', 'the answer does not say how long it is');
  const end = start + length;
  return bytes.length < end ? undefined : { body: bytes.subarray(start, end), end };
}

function chunks(bytes: Buffer, start: number) {
  const parts: Buffer[] = [];
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const length = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (!Number.isSafeInteger(length)) throw broken('EPROTO', 'a chunk of the answer does not say how long it is');
    const end = line + 2 + length;
    if (bytes.length < end + 2) return undefined;
    if (length === 0) return { body: Buffer.concat(parts), end: end + 2 };
    parts.push(bytes.subarray(line + 2, end));
    at = end + 2;
  }
}
