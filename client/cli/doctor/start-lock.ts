import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, tryStartLock } from '../../start-lock.ts';
import { linkStatsOf } from '../stats.ts';
import { quoted, type Check } from './finding.ts';

/** The lock of whoever starts the daemon. */
export const startLock: Check = ({ own: { state } }) => {
  const path = join(state, 'start.lock');
  const found = linkStatsOf(path);
  if (!found) return [];
  const pid = found.isSymbolicLink() ? Number.parseInt(readlinkSync(path)) : undefined;
  // Somebody starts it now, or is suspended: then the next client takes the lock over after ten seconds.
  if (pid !== undefined && isAlive(pid)) return [];
  const holder = pid === undefined ? 'is no lock of a client' : `was left by process ${pid}, which is gone`;
  return [
    {
      level: 'warning',
      what: `The start lock ${path} ${holder}.`,
      why: 'The next program that starts the daemon takes it over. It stays only where nobody starts one.',
      fix: `rm -r ${quoted(path)}`,
      ...(pid !== undefined && {
        // As the next program would.
        repair: { what: `remove the start lock of process ${pid}`, run: () => tryStartLock(state)?.() },
      }),
    },
  ];
};
