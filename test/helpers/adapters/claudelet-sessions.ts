import { HoldfastError, type Client } from '../../../client/index.ts';
import { aboutOf, read, type SessionData } from '../../integration/claudelet-sessions.ts';
import { walk } from '../pages.ts';

/** What of a document this process has saved or loaded. */
interface Saved {
  messages: number;
  inputTokens: number;
  outputTokens: number;
  status: string | undefined;
}
const savedOf = ({ messages, inputTokens, outputTokens, status }: SessionData): Saved => {
  return { messages: messages.length, inputTokens, outputTokens, status };
};

/** A session without messages, not saved yet. */
export function newSession(sessionId: string, workingDirectory = '/home/dev/demo-app'): SessionData {
  const createdAt = new Date().toISOString();
  const empty = { model: 'fast', inputTokens: 0, outputTokens: 0, status: 'active' } as const;
  return { sessionId, createdAt, updatedAt: createdAt, workingDirectory, ...empty, messages: [] };
}

/**
 * Claudelet's session storage. Invariant: a save adds what its document has beyond the one that this process loaded or
 * saved before, so an older document takes nothing back, and two processes add to one session.
 */
export function sessionStorage(client: Client) {
  const saved = new Map<string, Saved>();
  const leases = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  async function save(session: SessionData): Promise<void> {
    const { about, usage } = aboutOf(session);
    const { id, model, workingDirectory, metadata, status } = about;
    const { messages } = session;
    const now = savedOf(session);
    const before = saved.get(id);
    const lease = leases.get(id);
    if (before === undefined) {
      await client.sessions.replace({ ...about, usage, messages, ifAbsent: true });
      saved.set(id, now);
      return;
    }
    if (now.messages < before.messages) return;
    const fresh = messages.slice(before.messages);
    const spent = {
      inputTokens: Math.max(0, usage.inputTokens - before.inputTokens),
      outputTokens: Math.max(0, usage.outputTokens - before.outputTokens),
    };
    const patch = { model, workingDirectory, metadata, ...(now.status !== before.status && { status }) };
    const update = { op: 'sessions.update', input: { id, patch, lease } } as const;
    const append = { op: 'sessions.append', input: { id, messages: fresh, usage: spent, lease } } as const;
    await client.batch.run({ atomic: true, calls: fresh.length > 0 ? [append, update] : [update] });
    saved.set(id, now);
  }
  async function load(id: string): Promise<SessionData> {
    const session = (await read(client, id)) as SessionData;
    saved.set(id, savedOf(session));
    return session;
  }

  return {
    /** A session of this id that was neither saved nor loaded before, but is stored, is refused as `exists`. */
    saveSession(session: SessionData): Promise<void> {
      const saving = last.then(() => save(session));
      // In turn: what is new in a document is known when the one before it is stored.
      last = saving.catch(() => undefined);
      return saving;
    },
    /** By an id or by at least four characters of its beginning. Several are refused, never guessed among. */
    async loadSessionById(prefix: string): Promise<SessionData> {
      return load((await client.sessions.resolve({ prefix })).id);
    },
    /** The newest active session of a directory that no other terminal is in, and the right to go on with it; or none. */
    async resumeSession(workingDirectory: string, owner: string, ttlMs?: number): Promise<SessionData | null> {
      for (;;) {
        const { session } = await client.sessions.resumable({ workingDirectory });
        if (session === null) return null;
        try {
          leases.set(session.id, (await client.leases.acquire({ id: session.id, owner, ttlMs })).token);
          return await load(session.id);
        } catch (error) {
          if (!(error instanceof HoldfastError) || error.code !== 'leased') throw error;
        }
      }
    },
    /** What writes to a session need that this terminal resumed. */
    leaseOf: (id: string): string | undefined => leases.get(id),
    /** The newest change first; one that is damaged is named in its place. */
    async listSessions() {
      const pages = await walk((cursor) => client.sessions.list({ limit: 1000, ...cursor }));
      return pages
        .flatMap(({ items }) => items)
        .map((item) => {
          if ('damaged' in item) return item;
          const { id, createdAt, updatedAt, model, messageCount, preview, status, workingDirectory } = item;
          return { id, createdAt, updatedAt, model, messageCount, preview, status, workingDirectory };
        });
    },
  };
}
