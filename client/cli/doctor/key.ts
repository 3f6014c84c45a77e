import { user } from '../../../shared/paths.ts';
import { adviceFor } from '../../../shared/reasons.ts';
import { linkStatsOf } from '../stats.ts';
import { closeMode } from './directories.ts';
import { quoted, type Check, type Finding } from './finding.ts';

/** The root key: its file, what the daemon says of it, and what the database needs. */
export const key: Check = ({ own, found, database }) => {
  const ofFile = fileOf(own.rootKey);
  if (ofFile.length > 0) return ofFile;
  const reason = found.state === 'running' ? found.health.reasons?.find((code) => code.startsWith('key_')) : undefined;
  if (reason !== undefined) return [lost(reason, `The daemon says: ${reason}; ${adviceFor(reason)}.`)];
  const needed = found.state === 'running' ? undefined : database.report?.key;
  return needed ? [lost(needed.code, needed.detail)] : [];
};

const commands: Record<string, string> = {
  key_locked: 'holdfast key unlock',
  key_missing: 'holdfast key restore',
  key_wrong: 'holdfast key restore',
};

const lost = (code: string, what: string): Finding => ({
  level: 'problem',
  what,
  why: 'Until then no secret can be read or stored. Everything else works.',
  fix: commands[code] ?? 'holdfast key status',
});

function fileOf(path: string): Finding[] {
  const file = linkStatsOf(path);
  if (!file) return [];
  if (!file.isFile() || file.uid !== user().uid) {
    const what = `The root key ${path} is no regular file of yours.`;
    const why = 'The daemon does not take it: somebody else may have put it there.';
    return [{ level: 'problem', what, why, fix: 'holdfast key restore' }];
  }
  const mode = file.mode & 0o777;
  if ((mode & 0o077) === 0 && (mode & 0o400) !== 0) return [];
  const open = (mode & 0o077) !== 0;
  return [
    {
      level: 'problem',
      what: `The root key ${path} is ${open ? 'open to other users' : 'closed to you'} (mode ${mode.toString(8)}).`,
      why: `The daemon does not take it so, and no secret can be read.${open ? " If somebody else may have read it, run 'holdfast key rotate' after this." : ''}`,
      fix: `chmod 600 ${quoted(path)}`,
      repair: { what: `give ${path} the mode 600`, run: () => closeMode(path, 0o600, (now) => now.isFile()) },
    },
  ];
}
