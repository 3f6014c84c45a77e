import { contract } from '../../shared/contract.ts';
import type { OutputOf } from '../../shared/operation.ts';
import { protocol, version } from '../../shared/protocol.ts';
import type { Store, StoreAnswer } from '../store/store.ts';
import { openapi } from './openapi.ts';

/** Age of the oldest unanswered write, in milliseconds, at which the daemon counts as failed. */
const unhealthyMs = 60_000;

/** The daemon's own operations: they answer without the writer. */
export type SystemOperations = Record<keyof typeof contract.system, () => Promise<StoreAnswer>>;

type System = typeof contract.system;
const answer = <Name extends keyof System>(_name: Name, output: OutputOf<System[Name]>, status = 200): StoreAnswer => ({
  status,
  text: JSON.stringify(output),
  revision: undefined,
});

/** What the daemon knows of itself beside its store. */
export interface Self {
  isStopping(): boolean;
  stop(): void;
  /** Codes of what is wrong with it. */
  reasons(): string[];
}

export function systemOperations(store: Store, self: Self): SystemOperations {
  const health = async () => {
    const { reasons: ofStore, lastCommitAt, ...rest } = await store.health();
    const reasons = [...ofStore, ...self.reasons()];
    const unhealthy = rest.oldestUnansweredMs > unhealthyMs || reasons.includes('storage_unreadable');
    const status = self.isStopping() ? 'stopping' : unhealthy ? 'unhealthy' : reasons.length > 0 ? 'degraded' : 'ok';
    const report = {
      status,
      reasons,
      version,
      protocol,
      pid: process.pid,
      uptimeMs: Math.round(process.uptime() * 1000),
      lastCommitAt: lastCommitAt === undefined ? null : new Date(lastCommitAt).toISOString(),
      ...rest,
    } as const;
    return answer('health', report, status === 'ok' || status === 'degraded' ? 200 : 503);
  };
  return {
    health,
    version: async () =>
      answer('version', {
        version,
        protocol,
        schemaVersion: store.schemaVersion,
        node: process.version,
        engine: store.engine,
      }),
    openapi: async () => answer('openapi', openapi()),
    shutdown: async () => {
      // The answer leaves first; what was accepted before it is finished by the drain.
      setImmediate(() => self.stop());
      return answer('shutdown', { pid: process.pid }, 202);
    },
  };
}
