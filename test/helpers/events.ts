import type { IncomingMessage } from 'node:http';
import { open } from './streams.ts';
import { until } from './wait.ts';

export interface Event {
  id?: string;
  event?: string;
  data?: string;
  /** A line that is only for keeping the connection. */
  comment?: string;
}

/** Server-sent events of a connection of its own, collected as they come. */
export class EventReader implements Disposable {
  readonly events: Event[] = [];
  /** Whether the answer has ended, or was cut. */
  ended = false;
  readonly status: number;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    let partial = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      const blocks = (partial + text).split('\n\n');
      partial = blocks.pop() ?? '';
      this.events.push(...blocks.map(parse));
    });
    response.on('close', () => (this.ended = true));
  }

  static async open(socket: string, query = '', headers: Record<string, string> = {}): Promise<EventReader> {
    return new EventReader(await open(socket, `/v1/changes${query}`, headers));
  }

  get changes(): Record<string, unknown>[] {
    return this.events
      .filter(({ event }) => event === 'change')
      .map(({ data = '' }) => JSON.parse(data) as Record<string, unknown>);
  }
  /** `kind id` of each change. */
  get told(): string[] {
    return this.changes.map(({ kind, id }) => `${String(kind)} ${String(id)}`);
  }
  /** The position that it would go on from. */
  get lastId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Resolves when so many changes have come. */
  async count(wanted: number): Promise<this> {
    await until(
      `${wanted} changes`,
      () => this.events.filter(({ event }) => event === 'change').length >= wanted,
      60_000,
    );
    return this;
  }

  [Symbol.dispose](): void {
    this.#response.destroy();
  }
}

function parse(block: string): Event {
  const event: Event = {};
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^(\w*): (.*)$/s.exec(line) ?? [];
    if (name === '') event.comment = value;
    else if (name !== 'retry') event[name as 'id'] = value;
  }
  return event;
}
