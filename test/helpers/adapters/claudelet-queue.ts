import type { Client } from '../../../client/index.ts';
import { itemsOf, walk } from '../pages.ts';
import { held } from '../queues.ts';

export interface PendingMessage {
  id: string;
  text: string;
  priority: 'urgent' | 'normal' | 'todo';
  timestamp: Date;
}

const priorities = { urgent: 'urgent', normal: 'normal', todo: 'low' } as const;
const names = { urgent: 'urgent', normal: 'normal', low: 'todo' } as const;

/** What the text asks for by how it begins. */
const priorityOf = (text: string): PendingMessage['priority'] =>
  /^TODO:/i.test(text) ? 'todo' : /^(?:NO|STOP|WAIT|DONT|DON'T)\b|don't use|must not/i.test(text) ? 'urgent' : 'normal';

interface Stored {
  id: string;
  priority: keyof typeof names;
  createdAt: string;
  body: Record<string, unknown>;
}
const pending = ({ id, priority, createdAt, body }: Stored): PendingMessage => {
  return { id, text: String(body['text']), priority: names[priority], timestamp: new Date(createdAt) };
};

/**
 * Claudelet's message queue of one session. Invariant: a message is in the queue or in the session, never in both and
 * never in none. Nothing empties it but `clear`.
 */
export function messageQueue(client: Client, sessionId: string) {
  const queue = sessionId;
  return {
    async add(text: string, id?: string): Promise<PendingMessage> {
      const priority = priorities[priorityOf(text)];
      return pending(await client.queues.add({ queue, id, priority, body: { text } }));
    },
    /** All that wait, in the order in which they are injected; those that somebody is about to inject are among them. */
    async getPending(): Promise<PendingMessage[]> {
      return itemsOf(await walk((cursor) => client.queues.list({ queue, limit: 1000, ...cursor }))).map(pending);
    },
    /** Takes the next message for so long. Whoever dies with it gives it back by that. */
    async takeNext(visibilityMs = 60_000) {
      const { items } = await client.queues.claim({ queue, visibilityMs });
      return items[0];
    },
    /** Puts the next message into the session, which may need its lease; undefined when none waits. */
    async injectNext(lease?: string): Promise<PendingMessage | undefined> {
      const item = await this.takeNext();
      if (item === undefined) return;
      const next = pending(item);
      const messages = [{ id: next.id, role: 'user', content: next.text, timestamp: next.timestamp.toISOString() }];
      const ack = { op: 'queues.ack', input: held(item) } as const;
      const append = { op: 'sessions.append', input: { id: sessionId, messages, lease } } as const;
      try {
        await client.batch.run({ atomic: true, calls: [ack, append] });
      } catch (error) {
        // If this fails too, it comes back when its time is over.
        await client.queues.nack(held(item)).catch(() => undefined);
        throw error;
      }
      return next;
    },
    remove: (id: string) => client.queues.remove({ queue, id }),
    clear: () => client.queues.clear({ queue }),
  };
}
