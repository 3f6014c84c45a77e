import { existsSync, realpathSync } from 'node:fs';
import { linkStatsOf } from '../stats.ts';
import { quoted, type Check, type Finding } from './finding.ts';

/** owner.lock and the database, from outside: who has them, and whether they are what the daemon locks. */
export const ownership: Check = ({ own, found, owner }) => [
  ...[own.ownerLock, own.database].flatMap(wrongType),
  ...emptyDatabase(own.database),
  ...silentOwner(owner, found.state),
];

function wrongType(path: string): Finding[] {
  const found = linkStatsOf(path);
  if (!found || found.isFile()) return [];
  const what = `${path} is ${found.isSymbolicLink() ? 'a link' : 'no file'}.`;
  const why = 'One file under two names has two locks, and two daemons could come to write it.';
  const target = targetOf(path);
  const fix = target === undefined ? aside(path) : takeBack(target, path);
  return [{ level: 'problem', what, why, fix }];
}

/** The file that a link leads to; undefined when it leads to none. */
function targetOf(path: string): string | undefined {
  try {
    const target = realpathSync(path);
    return linkStatsOf(target)?.isFile() ? target : undefined;
  } catch {
    return undefined;
  }
}

const move = (from: string, to: string) => `mv ${quoted(from)} ${quoted(to)}`;
const aside = (path: string) => move(path, `${path}.aside`);

/** A rename takes the place of the link itself. What was written last may be in the WAL: SQLite looks for it beside the file. */
function takeBack(target: string, path: string): string {
  const [theirs, ours] = [`${target}-wal`, `${path}-wal`];
  const wal = existsSync(theirs) ? [...(existsSync(ours) ? [aside(ours)] : []), move(theirs, ours)] : [];
  return [...wal, move(target, path)].join(' && ');
}

function emptyDatabase(path: string): Finding[] {
  const found = linkStatsOf(path);
  if (!found?.isFile() || found.size > 0) return [];
  const why = 'holdfast never leaves it so, and the daemon does not start on it: put a copy back, or begin anew.';
  const fix = move(path, `${path}.empty`);
  return [{ level: 'problem', what: `The database ${path} is empty.`, why, fix }];
}

/** Somebody owns the data and nobody listens: it starts, or it hangs. */
function silentOwner(owner: number | undefined, state: string): Finding[] {
  if (owner === undefined || state !== 'stopped') return [];
  const what = `Process ${owner} owns the data and does not listen.`;
  const why =
    'A start looks at the whole database first. If this stays so it hangs; to end it loses nothing that was stored.';
  return [{ level: 'warning', what, why, fix: `kill -9 ${owner}` }];
}
