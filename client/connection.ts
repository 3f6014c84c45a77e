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
  #reader = new AnswerReader();
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
    try {
      const exchange = this.#exchange;
      if (!exchange) throw broken('EPROTO', 'the daemon answered what was not asked');
      const answer = this.#reader.add(chunk);
      if (!answer) return;
      this.#exchange = undefined;
      this.#reader = new AnswerReader();
      this.#socket.unref();
      if (answer.headers.get('connection') === 'close')
        this.#fail(broken('ECONNRESET', 'the daemon closes the connection'));
      exchange.resolve(answer);
    } catch (error) {
      this.#fail(error as Error);
    }
  }
}

/** One answer as it arrives. Bytes are joined when a part of it is whole: joining at each would cost the square of a long one. */
class AnswerReader {
  #received: Buffer[] = [];
  #size = 0;
  /** Bytes without which nothing more can be read. */
  #wanted = 1;
  #head: { status: number; headers: ReadonlyMap<string, string> } | undefined;
  readonly #chunks: Buffer[] = [];

  /** The answer when it is whole; throws when it is none, or more than one. */
  add(received: Buffer): Answer | undefined {
    this.#received.push(received);
    this.#size += received.length;
    if (this.#size < this.#wanted) return undefined;
    const bytes = Buffer.concat(this.#received);
    const at = this.#head ? 0 : this.#readHead(bytes);
    if (!this.#head) return this.#keep(bytes, this.#size + 1);
    const chunked = this.#head.headers.get('transfer-encoding') === 'chunked';
    return chunked ? this.#readChunks(bytes, at, this.#head) : this.#readMeasured(bytes, at, this.#head);
  }

  /** Goes on when there are so many bytes. */
  #keep(bytes: Buffer, wanted: number): undefined {
    this.#received = [bytes];
    this.#size = bytes.length;
    this.#wanted = wanted;
  }

  /** Where the body begins. */
  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})( |$)/.exec(first)?.[1]);
    if (!(status >= 200)) throw broken('EPROTO', 'this is no answer of HTTP/1.1');
    const headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    this.#head = { status, headers: new Map(headers) };
    return end + 4;
  }

  #readMeasured(bytes: Buffer, at: number, head: Omit<Answer, 'body'>): Answer | undefined {
    const length = head.headers.get('content-length') ?? '';
    if (!/^\d{1,15}$/.test(length)) throw broken('EPROTO', 'the answer does not say how long it is');
    const end = at + Number(length);
    if (bytes.length < end) return this.#keep(bytes.subarray(at), Number(length));
    return this.#whole(bytes, end, { ...head, body: bytes.toString('utf8', at, end) });
  }

  #readChunks(bytes: Buffer, start: number, head: Omit<Answer, 'body'>): Answer | undefined {
    for (let at = start; ;) {
      const line = bytes.indexOf('\r\n', at);
      if (line === -1) return this.#keep(bytes.subarray(at), bytes.length - at + 1);
      const size = /^[\da-f]{1,12}(?=;|$)/i.exec(bytes.toString('latin1', at, line))?.[0];
      if (size === undefined) throw broken('EPROTO', 'a chunk of the answer does not say how long it is');
      const end = line + 2 + Number.parseInt(size, 16);
      if (bytes.length < end + 2) return this.#keep(bytes.subarray(at), end + 2 - at);
      if (end === line + 2)
        return this.#whole(bytes, end + 2, { ...head, body: Buffer.concat(this.#chunks).toString() });
      this.#chunks.push(bytes.subarray(line + 2, end));
      at = end + 2;
    }
  }

  #whole(bytes: Buffer, end: number, answer: Answer): Answer {
    if (bytes.length > end) throw broken('EPROTO', 'the daemon answered what was not asked');
    return answer;
  }
}
