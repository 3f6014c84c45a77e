import { writeFileSync } from 'node:fs';
import { contract } from '../shared/contract.ts';
import { HoldfastError } from '../shared/errors.ts';
import { paths } from '../shared/paths.ts';
import { protocol, version } from '../shared/protocol.ts';
import type { Calling } from './call.ts';
import { readJson } from './daemon-files.ts';
import { toRequest } from './request.ts';
import type { Theirs } from './transport.ts';

/** How long no other process asks again, in milliseconds: a daemon that comes back as old as it was must not be stopped in a loop. */
const askedForMs = 3_600_000;
/** How long an old daemon may take to make place. */
const makesPlaceMs = 60_000;

/**
 * Looks at the version of whoever answers. Only the newer side acts, and only once: a client that is newer than the daemon
 * asks it to stop, and the next call starts the one that this client brings. An older client is served as it is. What cannot
 * be served is told, with the side that is to be upgraded.
 */
export function versionCheck(calling: Calling): (theirs: Theirs) => void {
  let asked: { at: number } | undefined;
  return (theirs) => {
    if (isOlder(theirs.version) && calling.autostart && !asked) {
      asked = askedLately() ?? ask(calling);
    }
    if (theirs.protocol >= protocol) return;
    const daemon = `holdfast ${theirs.version} is running and speaks protocol ${theirs.protocol}`;
    if (asked && Date.now() - asked.at < makesPlaceMs) {
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
export function isOlder(theirs: string): boolean {
  const [a, b] = [theirs, version].map((text) => text.split('-', 1)[0]?.split('.').map(Number) ?? []);
  for (let part = 0; part < 3; part++) {
    const difference = (a?.[part] ?? Number.NaN) - (b?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** When some process last asked for this version, unless that is long ago. */
function askedLately(): { at: number } | undefined {
  const { version: asked, at = 0 } = (readJson(paths().upgrade) ?? {}) as { version?: string; at?: number };
  return asked === version && Date.now() - at < askedForMs ? { at } : undefined;
}

/** Asks, if it can be noted: else nothing would keep every process from asking again. */
function ask({ transport, options }: Calling): { at: number } {
  const at = Date.now();
  try {
    writeFileSync(paths().upgrade, JSON.stringify({ version, at }), { mode: 0o600 });
  } catch {
    return { at: 0 };
  }
  const message = toRequest(contract.system.shutdown, {}, options.client);
  // Its answer comes from the old daemon too, and is refused by the same check; what counts is that it was asked.
  transport.send({ ...message, signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  return { at };
}
