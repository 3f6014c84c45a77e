import { setTimeout as sleep } from 'node:timers/promises';
import { paths, type Paths } from '../../shared/paths.ts';
import { protocol } from '../../shared/protocol.ts';
import { HoldfastError } from '../index.ts';
import { probe, type Found, type Health } from './probe.ts';

/** How long the daemon may take to say that it is there, in milliseconds: a person waits for it. */
const signOfLifeMs = 5_000;
const lookMs = 25;

/** Waits until a daemon that is being started answers; throws at once, with what to do, when there is none that would. */
export async function serving(): Promise<void> {
  const own = paths();
  for (const deadline = Date.now() + signOfLifeMs; ; await sleep(lookMs)) {
    const found = await probe(own, signOfLifeMs);
    if (found.state === 'running') return;
    if (found.state !== 'starting' || Date.now() > deadline) throw notServing(own, found);
  }
}

/** Why a call is of no use now, and what to do: for commands that ask the daemon itself. */
export function notServing(own: Paths, found: Found): HoldfastError {
  return new HoldfastError('unavailable', `The daemon ${words[found.state]} at ${own.socket}: ${adviceOf(found)}.`);
}

/** What is so, in words, unless it runs. */
export const words: Record<string, string> = {
  silent: 'does not answer',
  stopped: 'is not running',
  starting: 'is starting',
};

export function adviceOf(found: Found): string | null {
  if (found.state === 'stopped') return "run 'holdfast start'";
  if (found.state === 'starting') return 'somebody is starting it: try again in a moment';
  return found.state === 'silent' ? found.advice : null;
}

/** Which side is too old, the one with the smaller protocol, and what to do. */
export function skewOf({ protocol: theirs, version }: Health): string | undefined {
  if (theirs === protocol) return undefined;
  return theirs < protocol
    ? `the daemon (${version}) is older than this command: run 'holdfast restart'`
    : `this command is older than the daemon (${version}): upgrade the command`;
}
