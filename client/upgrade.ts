import { contract } from '../shared/contract.ts';
import { HoldfastError } from '../shared/errors.ts';
import { paths } from '../shared/paths.ts';
import { protocol, version } from '../shared/protocol.ts';
import type { Calling } from './call.ts';
import { readJson, writeJson } from './daemon-files.ts';
import { toRequest } from './request.ts';
import { tryStartLock } from './start-lock.ts';
import { Transport, type Theirs } from './transport.ts';

/** How long no other process asks again, in milliseconds: a daemon that comes back as old as it was must not be stopped in a loop. */
const askedForMs = 3_600_000;
/** How long an old daemon may take to make place, and to answer that it will. */
const makesPlaceMs = 60_000;
const answersMs = 5_000;

/**
 * Looks at the version of whoever answers. Only the newer side acts, and only once: a client that is newer than the daemon
 * asks it to stop, and starts the one that it brings. An older client is served as it is. What cannot be served is told,
 * with the side that is to be upgraded.
 */
export function versionCheck(calling: Calling): (theirs: Theirs) => Promise<void> {
  let asked: number | undefined;
  let asking: Promise<number | undefined> | undefined;
  return async (theirs) => {
    // Ours would not listen there if the paths of this process have changed since.
    const isOurs = calling.autostart !== undefined && paths().socket === calling.socket;
    const mayAsk = isOurs && isOlder(theirs.version, version);
    if (mayAsk) asked ??= await (asking ??= ask(calling).finally(() => (asking = undefined)));
    if (theirs.protocol >= protocol) return;
    const daemon = `holdfast ${theirs.version} is running and speaks protocol ${theirs.protocol}`;
    // Without a time somebody asks just now, or starts one.
    if (mayAsk && isWithin(asked ?? Date.now(), makesPlaceMs)) {
      throw new HoldfastError('shutting_down', `${daemon}; it was asked to make place for ${version}.`);
    }
    const need = `this application needs ${protocol}, as in holdfast ${version}`;
    throw new HoldfastError(
      'incompatible',
      `${daemon}, and ${need}. Upgrade the daemon: 'holdfast stop', then call again.`,
    );
  };
}

/** By major, minor and patch; what is no version is not older. */
export function isOlder(theirs: string, ours: string): boolean {
  const [a, b] = [theirs, ours].map((text) => text.split('-', 1)[0]?.split('.').map(Number) ?? []);
  for (let part = 0; part < 3; part++) {
    const difference = (a?.[part] ?? Number.NaN) - (b?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether that was so lately; a time in the future is one of a clock that was wrong. */
const isWithin = (at: number, ms: number) => at <= Date.now() && Date.now() - at < ms;

/** When some process last asked for this version or a newer one, unless that is long ago. Two that are newer must not take turns. */
function askedLately(): number | undefined {
  const { version: asked = '', at = 0 } = (readJson(paths().upgrade) ?? {}) as { version?: string; at?: number };
  return isWithin(at, askedForMs) && !isOlder(asked, version) ? at : undefined;
}

/**
 * Asks, unless somebody has; answers when that was, undefined while another process is about it. Invariant: whoever asks
 * holds the start lock until its own daemon listens, so that one process asks, and no older client starts the old one again.
 */
async function ask({ socket, options }: Calling): Promise<number | undefined> {
  const before = askedLately();
  if (before !== undefined) return before;
  let release: (() => void) | undefined;
  const at = Date.now();
  try {
    release = tryStartLock(paths().state);
    if (!release) return undefined;
    const meanwhile = askedLately();
    if (meanwhile !== undefined) {
      release();
      return meanwhile;
    }
    writeJson(paths().upgrade, { version, at });
  } catch {
    // What cannot be noted is not asked: nothing would keep every process from asking again.
    release?.();
    return 0;
  }
  // Apart from the calls of this client, which may be closed as soon as the first is answered.
  const transport = new Transport(socket, 1);
  const message = toRequest(contract.system.shutdown, {}, options.client);
  try {
    await transport.send({ ...message, signal: AbortSignal.timeout(answersMs) });
  } catch {
    // Whatever it says, it was asked.
  } finally {
    transport.close();
  }
  const { takePlace } = await import('./autostart.ts');
  void takePlace(release, AbortSignal.timeout(makesPlaceMs));
  return at;
}
