import type { contract } from '../shared/contract.ts';
import type { OutputOf } from '../shared/operation.ts';
import { protocol, version } from '../shared/protocol.ts';
import type { Logger } from './logger.ts';
import type { Store } from './store/store.ts';

/** Age of the oldest unanswered write, in milliseconds, at which the daemon counts as failed. */
const unhealthyMs = 60_000;

export type Health = OutputOf<typeof contract.system.health>;

/** What health asks beside the store. */
export interface Asked {
  isStopping(): boolean;
  /** Codes of what is wrong that the store does not know. */
  reasons(): string[];
}

/** Answers how the daemon is, each time anew. Whatever became wrong since it was last asked, or is well again, is a line of the log. */
export function watchHealth(store: Store, asked: Asked, logger: Logger): () => Promise<Health> {
  let before: string[] = [];
  const note = (reasons: string[]) => {
    for (const reason of reasons) if (!before.includes(reason)) logger.warn({ reason }, 'health: raised');
    for (const reason of before) if (!reasons.includes(reason)) logger.info({ reason }, 'health: cleared');
    before = reasons;
  };
  return async () => {
    const { reasons: ofStore, lastCommitAt, ...rest } = await store.health();
    const reasons = [...ofStore, ...asked.reasons()];
    note(reasons);
    const unhealthy = rest.oldestUnansweredMs > unhealthyMs || reasons.includes('storage_unreadable');
    const status = asked.isStopping() ? 'stopping' : unhealthy ? 'unhealthy' : reasons.length > 0 ? 'degraded' : 'ok';
    return {
      status,
      reasons,
      version,
      protocol,
      pid: process.pid,
      uptimeMs: Math.round(process.uptime() * 1000),
      lastCommitAt: lastCommitAt === undefined ? null : new Date(lastCommitAt).toISOString(),
      ...rest,
    };
  };
}
