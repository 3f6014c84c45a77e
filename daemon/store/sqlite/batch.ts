import { hash } from 'node:crypto';
import { HoldfastError } from '../../../shared/errors.ts';
import { earlierAnswer } from '../idempotency.ts';
import { implementationOf } from '../ops.ts';
import type { StoreAnswer } from '../store.ts';
import { JsonText, type Context } from '../tx.ts';
import { isStorageFailure, toHoldfastError } from './errors.ts';
import type { Caller, SqliteWriteTx } from './write-transaction.ts';

/** One write as it crosses to the writer thread: the input is JSON text, so that no value is rebuilt on the way. */
export interface Call {
  id: number;
  op: string;
  app: string;
  input: string;
  client: string | null;
  pid: number | null;
  requestId: string;
  key: string | null;
}

export type Outcome = StoreAnswer | HoldfastError;

/**
 * Runs calls in one transaction and commits it. Invariant: an outcome leaves only after the COMMIT that holds its
 * call, and a call that fails takes only itself back.
 *
 * A savepoint per call costs 3-7 us and failures are rare, so there is none: a call that refuses before it wrote
 * leaves nothing behind; after a write, all is rolled back and the others run again without it.
 */
export async function runBatch(tx: SqliteWriteTx, epoch: string, calls: Call[], check: () => void): Promise<Outcome[]> {
  const refused = new Map<Call, HoldfastError>();
  const at = Date.now();
  for (;;) {
    try {
      tx.begin();
      const outcomes = await runAll(tx, epoch, at, calls, refused);
      if (!outcomes) {
        tx.rollback();
        continue;
      }
      check();
      tx.commit();
      return outcomes;
    } catch (error) {
      tx.rollback();
      throw error;
    }
  }
}

/** The outcomes of all calls, or undefined when one failed after it had written. */
async function runAll(
  tx: SqliteWriteTx,
  epoch: string,
  at: number,
  calls: Call[],
  refused: Map<Call, HoldfastError>,
): Promise<Outcome[] | undefined> {
  const outcomes: Outcome[] = [];
  for (const call of calls) {
    const known = refused.get(call);
    if (known) {
      outcomes.push(known);
      continue;
    }
    try {
      outcomes.push(await runOne(tx, epoch, at, call));
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      const failure = toHoldfastError(error);
      outcomes.push(failure);
      if (tx.wrote) {
        refused.set(call, failure);
        return undefined;
      }
    }
  }
  return outcomes;
}

async function runOne(tx: SqliteWriteTx, epoch: string, at: number, call: Call): Promise<StoreAnswer> {
  const { op, app, key } = call;
  const fingerprint = key === null ? null : hash('sha256', call.input, 'base64url').slice(0, 22);
  const caller: Caller = { ...call, at, fingerprint };
  tx.startCall(caller);
  if (key !== null && fingerprint !== null) {
    const earlier = await earlierAnswer(tx, app, op, key, fingerprint);
    if (earlier) return earlier;
  }
  const context: Context = { app, op, at, epoch, client: call.client, pid: call.pid, status: 0 };
  const output = await implementationOf(op)(tx, JSON.parse(call.input), context);
  const answer = toAnswer(output, context);
  tx.endCall(answer.status, answer.text);
  return answer;
}

/** What leaves for an output of an operation; `context.status` 0 means the operation's usual one. */
export function toAnswer(output: unknown, context: Context): StoreAnswer {
  if (output instanceof JsonText) return { status: context.status, text: output.text, revision: undefined };
  const { revision } = output as { revision?: string };
  return { status: context.status, text: JSON.stringify(output), revision };
}
