import type { Client } from '../../client/index.ts';

/** A write that an application was told is stored: message `n` of a writer in a session, or a feed. */
export type Acknowledged = { session: string; writer: number; n: number } | { feed: string };

type StoredMessage = { seq: number; writer: number; n: number } | { seq: number; damaged: string };
export interface Stored {
  sessions: Map<string, StoredMessage[]>;
  feeds: string[];
}

/** What is wrong with a store, each thing by name; all empty when every promise was kept. */
export interface Verdict {
  lost: string[];
  duplicated: string[];
  disordered: string[];
  gaps: string[];
  /** Messages that the daemon itself reports as damaged, in their place. */
  damaged: string[];
}

const nameOf = (session: string, { writer, n }: { writer: number; n: number }) =>
  `${session}: writer ${writer}, n ${n}`;

/** Compares what was acknowledged with what is stored. A stored write that nobody acknowledged is no fault. */
export function judge(acknowledged: Acknowledged[], { sessions, feeds }: Stored): Verdict {
  const verdict: Verdict = { lost: [], duplicated: [], disordered: [], gaps: [], damaged: [] };
  const present = new Set(feeds);
  for (const [session, messages] of sessions) {
    const newest = new Map<number, number>();
    for (const [index, message] of messages.entries()) {
      const { seq } = message;
      if (seq !== index + 1) verdict.gaps.push(`${session}: seq ${seq} is message ${index + 1}`);
      if ('damaged' in message) {
        verdict.damaged.push(`${session}: seq ${seq}`);
        continue;
      }
      const { writer, n } = message;
      const name = nameOf(session, message);
      if (present.has(name)) verdict.duplicated.push(name);
      else if (n < (newest.get(writer) ?? 0)) verdict.disordered.push(name);
      present.add(name);
      newest.set(writer, Math.max(n, newest.get(writer) ?? 0));
    }
  }
  const names = acknowledged.map((write) => ('feed' in write ? write.feed : nameOf(write.session, write)));
  verdict.lost = names.filter((name) => !present.has(name));
  return verdict;
}

export const clean: Verdict = { lost: [], duplicated: [], disordered: [], gaps: [], damaged: [] };

/** Everything stored, read over the socket page by page. */
export async function readBack(client: Client, sessionIds: string[]): Promise<Stored> {
  const sessions = new Map<string, StoredMessage[]>();
  for (const id of sessionIds) {
    const all: StoredMessage[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.sessions.messages({ id, limit: 1000, ...(cursor && { cursor }) });
      for (const item of page.items) {
        const { seq } = item;
        if ('writer' in item) all.push({ seq, writer: Number(item['writer']), n: Number(item['n']) });
        else all.push({ seq, damaged: JSON.stringify(item) });
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor);
    sessions.set(id, all);
  }
  const feeds: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.feeds.list({ limit: 1000, ...(cursor && { cursor }) });
    feeds.push(...page.items.map((item) => ('name' in item ? item.name : `damaged ${item.id}`)));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  return { sessions, feeds };
}
