import { HoldfastError } from '../../shared/errors.ts';
import { log } from './log.ts';
import type { StoreAnswer } from './store.ts';
import { Damaged, type Tx } from './tx.ts';

/**
 * The answer that this key got before, if any. Keys are unique per application and operation; the row of the log
 * that the first call wrote holds its answer. A call that failed wrote nothing, so its retry runs.
 */
export async function earlierAnswer(
  tx: Tx,
  app: string,
  op: string,
  key: string,
  fingerprint: string,
): Promise<StoreAnswer | undefined> {
  const [row] = await tx.select(log, 'WHERE key = ? AND app = ? AND op = ?', key, app, op);
  if (!row) return undefined;
  if (row instanceof Damaged)
    throw new HoldfastError('damaged', `The log row of key '${key}' is damaged: ${row.reason}.`);
  if (row.fingerprint !== fingerprint) {
    throw new HoldfastError('key_reused', `The idempotency key '${key}' was used for another request: make a new key.`);
  }
  const text = row.answer ?? '{}';
  return { status: row.status ?? 200, text, revision: (JSON.parse(text) as { revision?: string }).revision };
}
