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
  const fix = found.isSymbolicLink()
    ? `cp --remove-destination "$(readlink -f ${quoted(path)})" ${quoted(path)}`
    : null;
  return [{ level: 'problem', what, why, fix: fix ?? `mv ${quoted(path)} ${quoted(`${path}.aside`)}` }];
}

function emptyDatabase(path: string): Finding[] {
  const found = linkStatsOf(path);
  if (!found?.isFile() || found.size > 0) return [];
  const why = 'holdfast never leaves it so, and the daemon does not start on it: put a copy back, or begin anew.';
  return [
    {
      level: 'problem',
      what: `The database ${path} is empty.`,
      why,
      fix: `mv ${quoted(path)} ${quoted(`${path}.empty`)}`,
    },
  ];
}

/** Somebody owns the data and nobody listens: it starts, or it hangs. */
function silentOwner(owner: number | undefined, state: string): Finding[] {
  if (owner === undefined || state !== 'stopped') return [];
  const what = `Process ${owner} owns the data and does not listen.`;
  const why =
    'A start looks at the whole database first. If this stays so it hangs; to end it loses nothing that was stored.';
  return [{ level: 'warning', what, why, fix: `kill -9 ${owner}` }];
}
