import { HoldfastError, type ErrorDetails } from '../../../shared/errors.ts';
import type { ExitError } from '../../exit.ts';
import type { KeySource } from '../keys/root-key.ts';
import type { Recovery, StoreAnswer } from '../store.ts';
import { Wait } from '../wait.ts';
import type { Call, Outcome } from './batch.ts';

// What crosses between the main thread (writer.ts) and the writer's (writer-worker.ts).

/** An outcome as it crosses threads: errors lose their class there. */
export type WireOutcome =
  | { id: number; answer: StoreAnswer }
  | { id: number; wait: { topic: string; ms: number } }
  | { id: number; error: { code: HoldfastError['code']; detail: string; details: ErrorDetails; cause: string } };
export type FromWorker =
  | { ready: { epoch: string; schemaVersion: number } }
  | { fatal: { exitCode: ExitError['exitCode']; message: string } }
  | { outcomes: WireOutcome[]; committedAt: number | undefined; touched: string[] }
  | { checkpointFailure: string | undefined }
  | { damaged: number }
  | { recovered: Recovery }
  | { closed: true };
export type ToWorker = Call | 'close';
export interface WriterData {
  path: string;
  keys: KeySource;
}

export function toWire(call: Call, outcome: Outcome): WireOutcome {
  if (outcome instanceof Wait) return { id: call.id, wait: { topic: outcome.topic, ms: outcome.ms } };
  if (!(outcome instanceof HoldfastError)) return { id: call.id, answer: outcome };
  const cause = outcome.cause instanceof Error ? (outcome.cause.stack ?? String(outcome.cause)) : '';
  return { id: call.id, error: { code: outcome.code, detail: outcome.message, details: outcome.details, cause } };
}
