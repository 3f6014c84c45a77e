import { chmodSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { user } from '../../../shared/paths.ts';
import { linkStatsOf } from '../stats.ts';
import { quoted, type Check, type Finding } from './finding.ts';

/** The directories themselves: the daemon does not start unless each is real, ours and closed to others. */
export const directories: Check = ({ own }) => [own.data, own.config, own.state].flatMap(faultsOf);

function faultsOf(path: string): Finding[] {
  const found = linkStatsOf(path);
  if (!found) return [];
  const refuses = 'The daemon does not start so:';
  if (found.isSymbolicLink()) {
    const target = resolve(dirname(path), readlinkSync(path));
    const what = `${path} is a link to ${target}.`;
    const why = `${refuses} whoever may change what lies there could read what is stored, or replace it.`;
    return [{ level: 'problem', what, why, fix: `rm ${quoted(path)} && mv ${quoted(target)} ${quoted(path)}` }];
  }
  if (!found.isDirectory()) {
    const fix = `mv ${quoted(path)} ${quoted(`${path}.aside`)}`;
    return [{ level: 'problem', what: `${path} is no directory.`, why: `${refuses} it needs one there.`, fix }];
  }
  const { uid } = user();
  if (found.uid !== uid) {
    const what = `${path} belongs to user ${found.uid}, not to you (${uid}).`;
    const why = `${refuses} that user could read what is stored, or replace it. 'sudo holdfast' does this.`;
    return [{ level: 'problem', what, why, fix: `sudo chown -R ${uid} ${quoted(path)}` }];
  }
  const mode = found.mode & 0o777;
  if (mode === 0o700) return [];
  const open = (mode & 0o077) !== 0;
  return [
    {
      level: 'problem',
      what: `${path} ${open ? 'is open to other users' : 'is closed to you'} (mode ${mode.toString(8)}).`,
      why: `${refuses} what is stored is for you, and for you alone.`,
      fix: `chmod 700 ${quoted(path)}`,
      repair: { what: `give ${path} the mode 700`, run: () => closeMode(path, 0o700, (now) => now.isDirectory()) },
    },
  ];
}

/** Sets the mode of what is still ours and of this type. */
export function closeMode(path: string, mode: number, fits: (found: Stats) => boolean): void {
  const found = lstatSync(path);
  if (found.uid !== user().uid || !fits(found)) throw new Error(`${path} has changed meanwhile`);
  chmodSync(path, mode);
}
