import { readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { user } from '../../../shared/paths.ts';
import { linkStatsOf } from '../stats.ts';
import { closeMode } from './directories.ts';
import { quoted, type Check, type Finding } from './finding.ts';

/** What lies in the directories: only looked at, never opened. The root key has a check of its own. */
export const files: Check = ({ own }) =>
  [own.data, own.config, own.state].flatMap((folder) => {
    const all = [...below(folder)].filter(({ path, stats }) => path !== own.rootKey && !stats.isSymbolicLink());
    const { uid } = user();
    const foreign = all.filter(({ stats }) => stats.uid !== uid);
    const mine = all.filter(({ stats }) => stats.uid === uid);
    const open = mine.filter(({ stats }) => (stats.mode & 0o077) !== 0);
    const shut = mine.filter(({ stats }) => (stats.mode & needed(stats)) !== needed(stats));
    return [
      ...some(foreign, (what) => ({
        level: 'problem',
        what: `${what} not yours, but another user's.`,
        why: "The daemon may fail to read or write it. Somebody ran 'sudo holdfast', perhaps.",
        fix: `sudo chown -R ${uid} ${quoted(folder)}`,
      })),
      ...some(shut, (what) => ({
        level: 'problem',
        what: `${what} closed to you.`,
        why: 'The daemon runs as you, and can then read or write nothing there.',
        fix: `chmod -R u+rwX ${quoted(folder)}`,
        repair: repair(shut, 'let you read and write'),
      })),
      ...some(open, (what) => ({
        level: 'warning',
        what: `${what} open to other users.`,
        why: 'The directory keeps them out today; a copy or a moved file would not.',
        fix: `chmod -R go= ${quoted(folder)}`,
        repair: repair(open, 'close'),
      })),
    ];
  });

interface Entry {
  path: string;
  stats: Stats;
}

/** One finding for all of them, by the first one's name. */
function some(entries: Entry[], finding: (what: string) => Finding): Finding[] {
  const [first, ...others] = entries;
  if (!first) return [];
  return [finding(others.length === 0 ? `${first.path} is` : `${first.path} and ${others.length} more are`)];
}

/** What the daemon must be allowed. */
const needed = (stats: Stats) => (stats.isDirectory() ? 0o700 : stats.isFile() ? 0o600 : 0);

const repair = (entries: Entry[], verb: string) => ({
  what: `${verb} ${entries.map(({ path }) => path).join(', ')}`,
  run: () => {
    for (const { path, stats } of entries) {
      closeMode(path, (stats.mode & 0o700) | needed(stats), (now) => now.ino === stats.ino && !now.isSymbolicLink());
    }
  },
});

/** Everything below a folder, links not followed. What a running daemon removes meanwhile is passed over. */
export function* below(folder: string): Generator<Entry> {
  if (!linkStatsOf(folder)?.isDirectory()) return;
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const stats = linkStatsOf(path);
    if (!stats) continue;
    yield { path, stats };
    yield* below(path);
  }
}

/** None of a directory that is closed to us: that is what is wrong with it. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
