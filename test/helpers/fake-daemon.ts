import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { HoldfastError, toProblem, type ErrorCode } from '../../shared/errors.ts';

export interface SeenRequest {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}
export type Answer = (response: ServerResponse, request: SeenRequest, number: number) => void;

/** A server that answers as it is told and remembers what it was asked, to see a client from the other side. */
export class FakeDaemon implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Connections open now, and at most at one time. */
  connections = 0;
  mostConnections = 0;
  readonly #server: Server;

  private constructor(answer: Answer) {
    this.#server = createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      const answered = text(request).then((body) => {
        const number = this.requests.push({ method, url, headers, body });
        answer(response, { method, url, headers, body }, number);
      });
      answered.catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.mostConnections = Math.max(this.mostConnections, ++this.connections);
      socket.on('close', () => (this.connections -= 1));
    });
  }

  static async listen(socketPath: string, answer: Answer, backlog?: number): Promise<FakeDaemon> {
    const fake = new FakeDaemon(answer);
    fake.#server.listen({ path: socketPath, ...(backlog !== undefined && { backlog }) });
    await once(fake.#server, 'listening');
    return fake;
  }

  get keys() {
    return this.requests.map(({ headers }) => headers['idempotency-key']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

export function good(response: ServerResponse, output: object = {}): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
}

export function refuse(response: ServerResponse, code: ErrorCode, headers: Record<string, string> = {}): void {
  const details = { current: 'epoch.7', errors: [{ path: 'name', message: 'must be other' }] };
  const problem = toProblem(new HoldfastError(code, `This is ${code}.`, details), 'request-1');
  response.writeHead(problem.status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(problem));
}
