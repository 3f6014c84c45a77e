import { connect, HoldfastError } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { episodeRef, feedRef, messageRef, sessionRef, type Found, type Storage } from './storage.ts';

/** Whether a call succeeded; false when it was refused for the one reason that the caller expects. */
async function unless(code: HoldfastError['code'], call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === code) return false;
    throw error;
  }
}

/** An application's storage on holdfast. There is no retry and no lock here: that the daemon dies is not its concern. */
export function onHoldfast(socket: string): Storage {
  const client = connect({ app: 'demo', socket, client: 'demo/1' });
  return {
    createSession: (id) => unless('exists', client.sessions.create({ id })),
    append: async (id, message) => {
      // Without an id of its own, nothing but the idempotency key keeps a repeated call from storing it twice.
      await client.sessions.append({ id, messages: [message] });
    },
    addFeed: ({ name, url, category }) =>
      unless('exists', client.feeds.put({ name, url, ...(category !== null && { category }), ifAbsent: true })),
    markHeard: async (name, episode) => {
      for (;;) {
        const { metadata, revision } = await client.feeds.get({ name });
        const heard = [...heardOf(metadata), episode];
        if (
          await unless(
            'stale',
            client.feeds.patch({ name, patch: { metadata: { heard } }, expectedRevision: revision }),
          )
        )
          return;
      }
    },
  };
}

const heardOf = (metadata: Record<string, unknown>) => (metadata['heard'] ?? []) as string[];

/** Reads everything back over the socket. */
export async function readHoldfast(socket: string): Promise<Found> {
  await using client = connect({ app: 'demo', socket, client: 'demo/1' });
  const found: Found = { messages: [], feeds: [], corrupt: 0 };
  const sessions: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.sessions.list({ sort: 'id', limit: 1000, ...(cursor !== undefined && { cursor }) });
    found.corrupt += page.damagedCount;
    sessions.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  found.messages.push(...sessions.map(sessionRef));
  const readSession = async (id: string) => {
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await client.sessions.messages({ id, limit: 1000, ...(cursor !== undefined && { cursor }) });
      found.corrupt += page.damagedCount;
      found.messages.push(...page.items.flatMap((message) => messageRef(message as JsonObject) ?? []));
      cursor = page.nextCursor;
    }
  };
  const readSome = async () => {
    for (let id = sessions.pop(); id !== undefined; id = sessions.pop()) await readSession(id);
  };
  await Promise.all(Array.from({ length: 4 }, readSome));
  const { items, damagedCount } = await client.feeds.list({ limit: 1000 });
  found.corrupt += damagedCount;
  for (const feed of items) {
    if (!('metadata' in feed)) continue;
    const episodes = heardOf(feed.metadata).map((episode) => episodeRef(feed.name, episode));
    found.feeds.push(feedRef(feed.name), ...episodes);
  }
  return found;
}
