import type { contract } from '../../shared/contract.ts';
import type { OutputOf } from '../../shared/operation.ts';
import { protocol, version } from '../../shared/protocol.ts';
import type { Health } from '../health.ts';
import type { Store, StoreAnswer } from '../store/store.ts';
import { openapi } from './openapi.ts';

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
  stop(): void;
  health(): Promise<Health>;
  metrics(): Promise<string>;
}

export function systemOperations(store: Store, self: Self): SystemOperations {
  // Made when it is first asked for: a sixth of a second's work, whose result never changes.
  let described: StoreAnswer | undefined;
  return {
    health: async () => {
      const health = await self.health();
      return answer('health', health, health.status === 'ok' || health.status === 'degraded' ? 200 : 503);
    },
    metrics: async () => ({ status: 200, text: await self.metrics(), revision: undefined }),
    version: async () =>
      answer('version', {
        version,
        protocol,
        schemaVersion: store.schemaVersion,
        node: process.version,
        engine: store.engine,
      }),
    openapi: async () => (described ??= answer('openapi', openapi())),
    shutdown: async () => {
      // The answer leaves first; what was accepted before it is finished by the drain.
      setImmediate(() => self.stop());
      return answer('shutdown', { pid: process.pid }, 202);
    },
  };
}
