import { readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { contract } from '../../shared/contract.ts';
import type { Operation, OutputOf } from '../../shared/operation.ts';
import { untrusted, type Paths } from '../../shared/paths.ts';
import { pidOf } from '../call.ts';
import { isAlive } from '../start-lock.ts';

export type Health = OutputOf<typeof contract.system.health>;

export type Found =
  | { state: 'running'; health: Health }
  /** Nobody listens; `starting` while somebody holds the start lock. */
  | { state: 'stopped' | 'starting' }
  /** Somebody listens and does not answer, or not as holdfast does. */
  | { state: 'silent'; advice: string };

/** Asks once how it is. */
export async function probe(own: Paths, timeoutMs: number): Promise<Found> {
  const danger = untrusted(own.socket);
  if (danger !== undefined) return { state: 'silent', advice: danger };
  try {
    const health = await ask(own, contract.system.health, timeoutMs);
    if (typeof health.status === 'string' && typeof health.pid === 'number') return { state: 'running', health };
    return { state: 'silent', advice: "what listens there is not holdfast: end it, then run 'holdfast start'" };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { state: isStarting(own) ? 'starting' : 'stopped' };
    if (code === 'EACCES') return { state: 'silent', advice: 'it belongs to another user: log in as that one' };
    if (code === 'ABORT_ERR' || code === 'EAGAIN') return { state: 'silent', advice: silent(own) };
    return { state: 'silent', advice: `what it sent is no answer (${message}): look at 'holdfast logs'` };
  }
}

/** A daemon that was suspended takes no other signal. */
function silent({ socket }: Paths): string {
  const pid = pidOf(socket);
  const process = pid === undefined ? 'the process that listens there' : `it by 'kill -9 ${pid}'`;
  return `it is busy, suspended or hangs. If it stays so, look at 'holdfast logs', then end ${process}: nothing that was stored is lost`;
}

/** Whether somebody holds the start lock: a link that leads to the process id of its holder. */
function isStarting({ state }: Paths): boolean {
  try {
    return isAlive(Number.parseInt(readlinkSync(`${state}/start.lock`)));
  } catch {
    return false;
  }
}

/**
 * Calls an operation without input, once, and answers what came. Not through the client, which tries again, and which takes
 * the answer of a daemon that is unhealthy or of another version for an error.
 */
export function ask<Op extends Operation>(own: Paths, { method, path }: Op, timeoutMs: number): Promise<OutputOf<Op>> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const about = { socketPath: own.socket, method, path, signal, agent: false };
    const outgoing = request(about, (response) => {
      text(response)
        .then((body) => JSON.parse(body) as OutputOf<Op>)
        .then(resolve, reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
