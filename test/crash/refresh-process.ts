import { connect, type RefreshFunction } from '../../client/index.ts';
import { refreshAt } from '../helpers/issuer-client.ts';

// An application that wants a token. It carries out one order after the other, each sent by its parent, and reports
// every step. With `stop` it stops itself there, as a laptop that sleeps does, until its parent continues or kills it.

export interface Order {
  issuer: string;
  profile: string;
  leaseMs?: number;
  minValidMs?: number;
  waitMs?: number;
  /** Before its request to the issuer, or when that has answered. */
  stop?: 'before' | 'after';
  /** Asks nobody for the right to refresh: takes this refresh token, as from a file that all of them read. */
  naive?: string;
}

export type Report =
  | { ready: true }
  | { at: 'asking' | 'before' | 'after'; previousAttempt?: 'failed' | 'unknown' | undefined }
  | { token: string }
  | { error: string; message: string };

const client = connect({ app: 'test', client: 'refresher/1', deadlineMs: 60_000 });
const report = (message: Report) => new Promise((resolve) => process.send?.(message, resolve));

async function tokenOf({ issuer, profile, stop, naive, ...options }: Order): Promise<string> {
  const refresh = refreshAt(issuer);
  const pause = (at: 'before' | 'after') => {
    if (stop === at) process.kill(process.pid, 'SIGSTOP');
  };
  const told: RefreshFunction = async (grant) => {
    await report({ at: 'before', previousAttempt: grant.previousAttempt });
    pause('before');
    const answer = await refresh(grant);
    await report({ at: 'after' });
    pause('after');
    return answer;
  };
  if (naive === undefined) return (await client.auth.withToken(profile, told, options)).accessToken;
  const answer = await refresh({ refreshToken: naive, signal: new AbortController().signal });
  await client.auth.put({ profile, kind: 'oauth', ...answer });
  return answer.accessToken;
}

async function carryOut(order: Order): Promise<void> {
  await report({ at: 'asking' });
  try {
    await report({ token: await tokenOf(order) });
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    await report({ error: code, message });
  }
}

process.on('message', (order: Order | 'end') => {
  if (order !== 'end') return void carryOut(order);
  client.close();
  process.disconnect?.();
});
// The first one loads much, which must not count in a lease.
await fetch('data:,');
await report({ ready: true });
