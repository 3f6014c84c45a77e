import { HoldfastError, toProblem } from '../../shared/errors.ts';
import { Transport } from '../../client/transport.ts';
import { codeOf } from '../../client/retry.ts';
import type { Acknowledged } from './verdict.ts';

export interface Outcome {
  writer: number;
  n: number;
  /** HTTP status; 0 when the connection failed. */
  status: number;
  /** The problem's code, or the connection's error code. */
  code: string;
  text: string;
}

/**
 * Appends to one session without a pause, as raw requests: nothing is repeated, so each outcome is what the daemon
 * did. A writer ends at its first failed connection. The connections stay open, also when the socket is deleted.
 */
export class Load {
  readonly outcomes: Outcome[] = [];
  /** Number of the newest write that has begun. */
  begun = 0;
  readonly #session: string;
  readonly #headers: Record<string, string>;
  readonly #transport: Transport;
  readonly #writers: Promise<void>[];
  #stopping = false;

  constructor(socket: string, session: string, writers: number, headers: Record<string, string> = {}) {
    this.#session = session;
    this.#headers = { 'content-type': 'application/json', ...headers };
    // No more connections than writers: each goes on with the one it has.
    this.#transport = new Transport(socket, writers);
    this.#writers = Array.from({ length: writers }, (_, writer) => this.#write(writer));
  }

  get acknowledged(): Acknowledged[] {
    return this.#with(201).map(({ writer, n }) => ({ session: this.#session, writer, n }));
  }

  /** Numbers of the acknowledged writes that began after write `n`. */
  acknowledgedAfter(n: number): number[] {
    return this.#with(201).flatMap((outcome) => (outcome.n > n ? [outcome.n] : []));
  }

  /** Waits until the writers have ended: told to, or because nobody answers any more. */
  async end(): Promise<void> {
    await Promise.all(this.#writers);
    this.#transport.close();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.end();
  }

  #with(status: number): Outcome[] {
    return this.outcomes.filter((outcome) => outcome.status === status);
  }

  async #write(writer: number): Promise<void> {
    while (!this.#stopping) {
      const n = ++this.begun;
      const outcome = await this.#append(writer, n);
      this.outcomes.push(outcome);
      if (outcome.status === 0) return;
    }
  }

  async #append(writer: number, n: number): Promise<Outcome> {
    try {
      const text = await this.#transport.send({
        method: 'POST',
        path: `/v1/apps/test/sessions/${this.#session}/messages`,
        headers: this.#headers,
        body: JSON.stringify({ messages: [{ writer, n }] }),
        signal: AbortSignal.timeout(20_000),
      });
      return { writer, n, status: 201, code: '', text };
    } catch (error) {
      if (error instanceof HoldfastError) {
        const { status, code } = error;
        return { writer, n, status, code, text: JSON.stringify(toProblem(error, error.requestId ?? '')) };
      }
      return { writer, n, status: 0, code: codeOf(error) || String(error), text: '' };
    }
  }
}
