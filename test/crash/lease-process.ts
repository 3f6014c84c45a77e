import { setTimeout as sleep } from 'node:timers/promises';
import { connect, HoldfastError } from '../../client/index.ts';
import type { Holder } from '../../shared/errors.ts';

// A terminal that writes to the session named by its first argument until it is refused: with a lease of so many
// milliseconds, its third argument, or without one when that is 0. Each write is its only sign of life.

export type Report = { token: string } | { seq: number } | { refused: string; holder: Holder | undefined };

const [, , id = '', owner = '', ttl = ''] = process.argv;
const client = connect({ app: 'test', client: `${owner}/1` });
const report = (message: Report) => process.send?.(message);

const ttlMs = Number(ttl);
const token = ttlMs > 0 ? (await client.leases.acquire({ id, owner, ttlMs })).token : undefined;
report({ token: token ?? '' });
try {
  for (;;) {
    const messages = [{ role: 'user', owner }];
    const { head } = await client.sessions.append({ id, messages, ...(token !== undefined && { lease: token }) });
    report({ seq: head });
    await sleep(10);
  }
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  report({ refused: error.code, holder: error.details.holder });
}
client.close();
process.disconnect?.();
