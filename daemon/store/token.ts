import { createHmac } from 'node:crypto';
import { readMeta, writeMeta } from './meta.ts';
import type { Context, Tx } from './tx.ts';

/**
 * What makes the tokens of leases and claims: the position of the grant, which everybody may see in the log, and what only
 * this store can make of it (HMAC-SHA-256, RFC 2104), so that nobody can guess one. Should its key be lost, those that were
 * given are void.
 */
export async function tokensOf(tx: Tx, epoch: string): Promise<Context['tokenOf']> {
  let key = await readMeta(tx, 'token_key');
  if (key === undefined) await writeMeta(tx, 'token_key', (key = crypto.randomUUID()));
  const secret = key;
  return (position) => {
    const grant = `${epoch}.${position}`;
    return `${grant}.${createHmac('sha256', secret).update(grant).digest('base64url').slice(0, 22)}`;
  };
}
