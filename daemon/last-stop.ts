import { accessSync, constants, lstatSync, readFileSync, utimesSync } from 'node:fs';
import type { Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';

// How one daemon ends, and the next one learns of it. What says who serves is removed last: where it is found, the stop did
// not come to its end.

/** How the daemon before this one ended. */
export interface LastStop {
  /** When it stopped in order, in milliseconds; undefined if it did not, or there was none. */
  at?: number;
  /** Why it did not stop in order. */
  unclean?: string;
}

/** To be asked before anything is removed. */
export function lastStop({ daemonFile, lastStart, lastError }: Paths): LastStop {
  const noted = lstatSync(lastStart, { throwIfNoEntry: false });
  if (!noted) return {};
  if (!lstatSync(daemonFile, { throwIfNoEntry: false })?.isFile()) return { at: noted.mtimeMs };
  return { unclean: reasonOf(lastError) ?? 'it was killed, or the machine went down' };
}

/** What the last daemon said when it ended; not what one said that was refused because another served. */
function reasonOf(lastError: string): string | undefined {
  try {
    const { exitCode, message } = JSON.parse(readFileSync(lastError, 'utf8')) as Record<string, unknown>;
    return exitCode !== 75 && typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Notes that the stop is over, without a byte more: the disk may be full. */
export function noteStop({ lastStart }: Paths): void {
  try {
    utimesSync(lastStart, new Date(), new Date());
  } catch {
    // Somebody removed it: then there is no last stop to tell of.
  }
}

/** Throws when SQLite cannot have removed its files from the folder of the data, which it does not tell. */
export function checkClean({ data }: Paths): void {
  try {
    accessSync(data, constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    const what = `${data} could not be left clean: ${(error as Error).message}`;
    throw new ExitError(69, `${what}. Nothing that was acknowledged is lost; make it writable.`, { cause: error });
  }
}
