import { Agent, request, type IncomingMessage } from 'node:http';
import { fromProblem, HoldfastError, type Problem } from '../shared/errors.ts';

export interface Send {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal;
}

/** HTTP over one Unix socket, with a bounded number of connections: Linux refuses when the listen queue is full. */
export class Transport {
  readonly #agent: Agent;
  readonly #socketPath: string;

  constructor(socketPath: string, maxSockets: number) {
    this.#socketPath = socketPath;
    this.#agent = new Agent({ keepAlive: true, maxSockets, scheduling: 'lifo' });
  }

  /** The body of an answer that succeeded; throws the error that another one holds. */
  async send(message: Send): Promise<string> {
    return collect(await this.#exchange(message));
  }

  /** The same, as it arrives. `opening` ends the wait for its first byte, `message.signal` all of it. */
  async open(message: Send, opening: AbortSignal): Promise<IncomingMessage> {
    const begun = new AbortController();
    const giveUp = () => begun.abort(opening.reason);
    opening.addEventListener('abort', giveUp);
    try {
      return await this.#exchange({ ...message, signal: AbortSignal.any([message.signal, begun.signal]) });
    } finally {
      opening.removeEventListener('abort', giveUp);
    }
  }

  async #exchange({ method, path, headers, body, signal }: Send): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socketPath,
          agent: this.#agent,
          method,
          path,
          headers: { host: 'localhost', ...headers },
          signal,
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw errorOf(JSON.parse(await collect(response)) as Problem, Number(response.headers['retry-after']));
  }

  close(): void {
    this.#agent.destroy();
  }
}

function errorOf(problem: Problem, retryAfter: number): HoldfastError {
  const error = fromProblem(problem);
  if (Number.isFinite(retryAfter)) error.details.retryAfter = retryAfter;
  return error;
}

function collect(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    response.on('error', reject);
  });
}
