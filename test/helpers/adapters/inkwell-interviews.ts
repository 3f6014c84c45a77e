import { HoldfastError, type Client } from '../../../client/index.ts';
import { itemsOf, walk } from '../pages.ts';

export type InterviewStatus = 'active' | 'paused' | 'completed' | 'abandoned';

export interface Exchange {
  question: { id: string; text: string; question_number: number; depth_level: number };
  response: { question_id: string; text: string; responded_at: string };
}

export interface NewInterview {
  session_id: string;
  episode_url: string;
  episode_title: string;
  podcast_name: string;
  template_name: string;
  max_questions: number;
}

/** From which status each may follow. One that was abandoned may go on; one that is completed stays so. */
const from: Record<InterviewStatus, InterviewStatus[]> = {
  active: ['active', 'paused', 'abandoned'],
  paused: ['active', 'paused'],
  completed: ['active', 'paused', 'completed'],
  abandoned: ['active', 'paused', 'abandoned'],
};

/** Refused because somebody was first: reading again tells what is so now. */
const overtaken = (error: unknown) =>
  error instanceof HoldfastError && ['stale', 'leased', 'not_found'].includes(error.code);

const dayMs = 86_400_000;

/**
 * Inkwell's interview session manager. Invariant: every change of status was allowed by the status that it replaced,
 * and an exchange is stored together with the status that it leads to.
 */
export function interviewManager(client: Client) {
  /** Changes the status, with an exchange or without, by the revision that allowed it; again when that is old. */
  async function change(id: string, status: InterviewStatus, exchange?: Exchange): Promise<void> {
    for (;;) {
      const { status: now, revision } = await client.sessions.get({ id });
      if (!from[status].includes(now)) throw new Error(`an interview that is ${now} cannot be ${status}`);
      const messages = exchange === undefined ? [] : [{ id: exchange.question.id, ...exchange }];
      const update = { op: 'sessions.update', input: { id, patch: { status }, expectedRevision: revision } } as const;
      const append = { op: 'sessions.append', input: { id, messages } } as const;
      try {
        await client.batch.run({ atomic: true, calls: exchange === undefined ? [update] : [update, append] });
        return;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== 'stale') throw error;
      }
    }
  }

  /** Those that are over and did not change since, at most 1000, which is what one batch takes. */
  async function over(since: Date) {
    const pages = await Promise.all(
      (['completed', 'abandoned'] as const).map((status) =>
        walk((cursor) =>
          client.sessions.list({ status, updatedBefore: since.toISOString(), limit: 1000, order: 'asc', ...cursor }),
        ),
      ),
    );
    return itemsOf(pages.flat())
      .filter(({ leasedUntil }) => leasedUntil === null)
      .slice(0, 1000);
  }

  return {
    /** An id that exists is refused as `exists`. */
    async createSession({ session_id: id, episode_title: title, ...metadata }: NewInterview): Promise<void> {
      await client.sessions.create({ id, title, metadata });
    },
    /** Also resumes one that is paused or was abandoned; one that is completed takes no more. */
    addExchange: (id: string, exchange: Exchange) => change(id, 'active', exchange),
    pauseSession: (id: string) => change(id, 'paused'),
    resumeSession: (id: string) => change(id, 'active'),
    completeSession: (id: string) => change(id, 'completed'),
    async loadSession(id: string) {
      const { status, title, metadata, updatedAt } = await client.sessions.get({ id });
      const stored = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
      const exchanges = stored.map(({ question, response }) => ({ question, response }) as Exchange);
      return { ...metadata, session_id: id, episode_title: title, updated_at: updatedAt, status, exchanges };
    },
    /** Newest change first. */
    async listSessions(status?: InterviewStatus): Promise<{ session_id: string; status: InterviewStatus }[]> {
      const items = itemsOf(await walk((cursor) => client.sessions.list({ status, limit: 1000, ...cursor })));
      return items.map(({ id, status: now }) => ({ session_id: id, status: now }));
    },
    /** Abandons what was idle for so long and nobody is at; answers their ids. */
    async abandonTimedOut(timeoutMinutes = 60): Promise<string[]> {
      return (await client.sessions.abandon({ idleMs: Math.round(timeoutMinutes * 60_000) })).abandoned;
    },
    /** Deletes what was over for so long, all of it or nothing; answers their ids. */
    async cleanupOldSessions({ maxAgeDays = 30, now = new Date(), dryRun = false } = {}): Promise<string[]> {
      for (;;) {
        const planned = await over(new Date(now.getTime() - maxAgeDays * dayMs));
        const calls = planned.map(({ id, revision }) => {
          return { op: 'sessions.delete', input: { id, expectedRevision: revision } } as const;
        });
        try {
          if (!dryRun && calls.length > 0) await client.batch.run({ atomic: true, calls });
          return planned.map(({ id }) => id);
        } catch (error) {
          if (!overtaken(error)) throw error;
        }
      }
    },
  };
}
