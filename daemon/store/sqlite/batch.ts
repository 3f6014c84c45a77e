import { HoldfastError } from '../../../shared/errors.ts';
import { maxBatchWorkMs } from '../../../shared/protocol.ts';
import { Unreadable } from '../damage.ts';
import { earlierAnswer, fingerprintOf, storable } from '../idempotency.ts';
import { Keyring } from '../keys/keyring.ts';
import type { RootKeyFile } from '../keys/root-key.ts';
import { implementationOf } from '../ops.ts';
import type { StoreAnswer } from '../store.ts';
import { JsonText, type Context } from '../tx.ts';
import { Wait } from '../wait.ts';
import { isStorageFailure, toHoldfastError } from './errors.ts';
import type { SqliteWriteTx } from './write-transaction.ts';

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
  /** The input holds a secret; the answer holds one. */
  secretInput: boolean;
  secretAnswer: boolean;
  /** One of the calls of its request that take effect in order, each for itself. */
  ordered: boolean;
  /** Milliseconds that the call has waited so far; null when it may not wait. */
  waitedMs: number | null;
}

export type Outcome = StoreAnswer | HoldfastError | Wait;

/** What is the same for every call of a store. */
export interface Surroundings {
  epoch: string;
  rootKey: RootKeyFile;
}

/** And what only writes need. */
interface WriteSurroundings extends Surroundings {
  tokenOf: Context['tokenOf'];
}

/**
 * Runs calls in one transaction and commits it. Invariant: an outcome leaves only after the COMMIT that holds its
 * call, and a call that fails takes only itself back. Answers the outcomes of all, or of the first ones: whoever
 * calls makes another transaction of the rest, which has not taken effect.
 *
 * A savepoint per call costs 3-7 us and failures are rare, so there is none: a call that refuses before it wrote
 * leaves nothing behind. The first that fails after a write takes all back, and they run again with savepoints.
 * After one that met damage SQLite commits nothing: those before it run again, and with it the transaction ends.
 */
export async function runBatch(
  tx: SqliteWriteTx,
  around: WriteSurroundings,
  calls: Call[],
  check: () => void,
): Promise<Outcome[]> {
  const at = Date.now();
  let [first, met]: [Call[], Outcome[]] = [calls, []];
  for (let alone = false; ;) {
    try {
      tx.begin();
      const { outcomes, again } = await runAll(tx, around, at, first, alone);
      if (again) {
        if (tx.spoiled) [first, met] = [first.slice(0, outcomes.length - 1), outcomes.slice(-1)];
        else alone = true;
        tx.rollback();
        continue;
      }
      check();
      tx.commit();
      return outcomes.length < first.length ? outcomes : [...outcomes, ...met];
    } catch (error) {
      tx.rollback();
      throw error;
    }
  }
}

/** The outcomes of the first calls; `again` when the last of them failed in a way that takes the others with it. */
async function runAll(
  tx: SqliteWriteTx,
  around: WriteSurroundings,
  at: number,
  calls: Call[],
  alone: boolean,
): Promise<{ outcomes: Outcome[]; again: boolean }> {
  const outcomes: Outcome[] = [];
  let characters = 0;
  const began = performance.now();
  for (const call of calls) {
    if (alone) tx.mark();
    try {
      const outcome = await runOne(tx, around, at, call);
      // It went around what it could not read, but what it wrote before is lost.
      if (tx.spoiled && tx.wrote) throw new Unreadable();
      outcomes.push(outcome);
      if ('text' in outcome) characters += outcome.text.length;
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      outcomes.push(toHoldfastError(error));
      if (tx.wrote && !alone) return { outcomes, again: true };
      if (tx.wrote && !tx.spoiled) tx.takeBack();
    }
    if (tx.spoiled) return { outcomes, again: true };
    if (alone) tx.unmark();
    if (characters > maxAnswers || performance.now() - began > maxOpenMs) break;
  }
  return { outcomes, again: false };
}

async function runOne(tx: SqliteWriteTx, { epoch, tokenOf, rootKey }: WriteSurroundings, at: number, call: Call) {
  const { op, app, key, client, pid, waitedMs } = call;
  tx.startCall({ ...call, at });
  const keys = new Keyring(rootKey);
  const context: Context = { app, op, at, epoch, tokenOf, client, pid, keys, waitedMs, status: 0 };
  const earlier = await earlierAnswer(tx, call, context);
  if (earlier) return earlier;
  const input: unknown = JSON.parse(call.input);
  const output =
    op === 'batch.run' ? await runSteps(tx, input as Steps, context) : await implementationOf(op)(tx, input, context);
  // Nothing was written: an operation decides first.
  if (output instanceof Wait) return output;
  const answer = toAnswer(output, context);
  // What a call that may wait says without changing anything is true only now.
  const remembers = key !== null && (waitedMs === null || tx.hasChanges);
  tx.endCall(remembers ? await toRemember(tx, call, answer, context) : undefined);
  return answer;
}

/** An atomic batch: its calls, with the status that each has unless it says otherwise. */
interface Steps {
  calls: { op: string; app: string; input: unknown; status: number }[];
}

/** Characters that the answers of an atomic batch have at most: they wait in memory for each other. */
const maxAnswer = 32 * 1024 * 1024;
/** Characters of answers after which a transaction takes no further call: they wait in memory for its COMMIT. */
const maxAnswers = 32 * 1024 * 1024;

/** Milliseconds after which a transaction takes no further call: what is done waits for its COMMIT. */
const maxOpenMs = 1000;

/** Milliseconds that this thread has worked: a process that is stopped, or waits for its turn, makes no batch longer. */
const workedMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** Runs calls as one: the first that fails fails all of them. Its log row comes first, so that theirs name it as their request. */
async function runSteps(tx: SqliteWriteTx, { calls }: Steps, batch: Context): Promise<JsonText> {
  await tx.change({ kind: 'batch', id: '' });
  const results: string[] = [];
  let characters = 0;
  const began = workedMs();
  for (const [index, { op, app, input, status }] of calls.entries()) {
    tx.actAs(app, op);
    const context = { ...batch, app, op, status: 0 };
    try {
      if (workedMs() - began > maxBatchWorkMs) {
        throw new HoldfastError(
          'too_large',
          `The batch takes more than ${maxBatchWorkMs / 1000} s of work: do less in it.`,
        );
      }
      const answer = toAnswer(await implementationOf(op)(tx, input, context), context);
      // The next step must find the messages of this one.
      tx.flush();
      characters += answer.text.length;
      if (characters > maxAnswer) {
        throw new HoldfastError('too_large', 'The answers of the batch are larger than 32 MiB: read less in it.');
      }
      results.push(`{"status":${answer.status || status},"output":${answer.text}}`);
    } catch (error) {
      if (isStorageFailure(error)) throw error;
      const { code, message, details, cause } = toHoldfastError(error);
      throw new HoldfastError(code, message, { ...details, index }, { cause });
    }
  }
  return new JsonText(`{"results":[${results.join(',')}]}`);
}

async function toRemember(tx: SqliteWriteTx, call: Call, { status, text }: StoreAnswer, context: Context) {
  const answer = await storable(tx, call, context, tx.firstPosition, text);
  return { fingerprint: (await fingerprintOf(tx, call, context)) ?? null, status, answer };
}

/** What leaves for an output of an operation; `context.status` 0 means the operation's usual one. */
export function toAnswer(output: unknown, context: Context): StoreAnswer {
  if (output instanceof JsonText) return { status: context.status, text: output.text, revision: output.revision };
  const { revision } = output as { revision?: string };
  return { status: context.status, text: JSON.stringify(output), revision };
}
