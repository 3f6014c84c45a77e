import { readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { OutputOf } from '../../shared/operation.ts';
import { untrusted, type Paths } from '../../shared/paths.ts';
import type { health } from '../../shared/resources/system.ts';
import { isAlive } from '../start-lock.ts';

export type Health = OutputOf<typeof health>;

export type Found =
  | { state: 'running'; health: Health }
  /** Nobody listens; `starting` while somebody holds the start lock. */
  | { state: 'stopped' | 'starting' }
  /** Somebody listens and does not answer, or not as holdfast does. */
  | { state: 'silent'; why: string };

/**
 * Asks once how it is. Not through the client, which tries again, and which takes the answer of a daemon that is unhealthy
 * or of another version for an error.
 */
export async function probe(own: Paths, timeoutMs: number): Promise<Found> {
  const danger = untrusted(own.socket);
  if (danger !== undefined) return { state: 'silent', why: danger };
  try {
    const answer = JSON.parse(await get(own.socket, '/v1/health', timeoutMs)) as Health;
    if (typeof answer.status === 'string' && typeof answer.pid === 'number')
      return { state: 'running', health: answer };
    return { state: 'silent', why: `what listens at ${own.socket} is not holdfast` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { state: isStarting(own) ? 'starting' : 'stopped' };
    if (code === 'ABORT_ERR') return { state: 'silent', why: `no answer within ${timeoutMs / 1000} s` };
    return { state: 'silent', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether somebody holds the start lock: a link that leads to the process id of its holder. */
export function isStarting({ state }: Paths): boolean {
  try {
    return isAlive(Number.parseInt(readlinkSync(`${state}/start.lock`)));
  } catch {
    return false;
  }
}

function get(socketPath: string, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = request({ socketPath, path, signal, agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
