import { setTimeout as sleep } from 'node:timers/promises';
import { contract } from '../../shared/contract.ts';
import { paths } from '../../shared/paths.ts';
import { explain } from '../call.ts';
import { HoldfastError } from '../index.ts';
import { isAlive } from '../start-lock.ts';
import { ask, probe } from './probe.ts';
import { notServing } from './serving.ts';

const answerMs = 2_000;
/** How long a stop may take, in milliseconds: its own bounds are shorter, but a disk may be slow. */
const stopMs = 60_000;

/** Stops the daemon, of whatever version, and waits until it is gone; answers its process id, undefined when there was none. */
export async function stopDaemon(): Promise<number | undefined> {
  const own = paths();
  const found = await probe(own, answerMs);
  if (found.state === 'stopped') return undefined;
  if (found.state !== 'running') throw notServing(own, found);
  const { pid } = found.health;
  await ask(own, contract.system.shutdown, answerMs).catch((error: unknown) => {
    throw explain(error, { socket: own.socket, note: '' }, answerMs);
  });
  for (const begun = performance.now(); isAlive(pid); await sleep(20)) {
    if (performance.now() - begun < stopMs) continue;
    const hint = `look at 'holdfast logs', then end it by 'kill -9 ${pid}': nothing that was stored is lost`;
    throw new HoldfastError('unavailable', `holdfast (pid ${pid}) did not stop within ${stopMs / 1000} s: ${hint}.`);
  }
  return pid;
}
