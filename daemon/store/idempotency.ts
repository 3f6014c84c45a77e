import { hash } from 'node:crypto';
import { HoldfastError } from '../../shared/errors.ts';
import { log } from './log.ts';
import { mayRepeatOf } from './ops.ts';
import type { StoreAnswer } from './store.ts';
import { Damaged, type Context, type Tx } from './tx.ts';

/** The call of a write as far as its key goes. */
interface KeyedCall {
  app: string;
  op: string;
  /** JSON text. */
  input: string;
  key: string | null;
  /** The input holds a secret; the answer holds one. */
  secretInput: boolean;
  secretAnswer: boolean;
}

/**
 * What tells one request of a key from another. A digest of secrets that needs no key could be found by guessing, so
 * theirs does: undefined when there is no key yet, as before the first secret of an application.
 */
export async function fingerprintOf(tx: Tx, call: KeyedCall, { keys }: Context): Promise<string | undefined> {
  return call.secretInput
    ? keys.digest(tx, call.app, call.input)
    : hash('sha256', call.input, 'base64url').slice(0, 22);
}

/** Where the answer of a secret operation is sealed: the row of the log that remembers it. */
const placeOf = ({ app, op }: KeyedCall, position: number) => ({ app, kind: 'answer', record: position, field: op });

/** The answer as the log may keep it. */
export async function storable(
  tx: Tx,
  call: KeyedCall,
  { keys }: Context,
  position: number,
  answer: string,
): Promise<string> {
  return call.secretAnswer ? keys.seal(tx, placeOf(call, position), answer) : answer;
}

/**
 * The answer that this key got before, if any. Keys are unique per application and operation; the row of the log
 * that the first call wrote holds its answer. A call that failed wrote nothing, so its retry runs.
 */
export async function earlierAnswer(tx: Tx, call: KeyedCall, context: Context): Promise<StoreAnswer | undefined> {
  const { app, op, key } = call;
  if (key === null) return undefined;
  const [row] = await tx.select(log, 'WHERE key = ? AND app = ? AND op = ?', key, app, op);
  if (!row) return undefined;
  const damaged = (why: string) => new HoldfastError('damaged', `The log row of key '${key}' is damaged: ${why}.`);
  if (row instanceof Damaged) throw damaged(row.reason);
  if (row.fingerprint !== (await fingerprintOf(tx, call, context))) {
    throw new HoldfastError('key_reused', `The idempotency key '${key}' was used for another request: make a new key.`);
  }
  const stored = row.answer ?? '{}';
  const text = call.secretAnswer ? await context.keys.open(tx, placeOf(call, row.position), stored) : stored;
  if (text === undefined) throw damaged('its answer cannot be opened');
  const answer = JSON.parse(text) as { revision?: string };
  await mayRepeatOf(op)?.(tx, JSON.parse(call.input), context, answer);
  return { status: row.status ?? 200, text, revision: answer.revision };
}
