import { statsOf } from '../stats.ts';
import { size } from '../text.ts';
import { quoted, type Check } from './finding.ts';

/** A daemon keeps a file of 5 MiB and the one before, and the line that did not fit. */
const mostBytes = 2 * 6 * 1024 * 1024;

export const log: Check = ({ own }) => {
  const bytes = [own.log, `${own.log}.1`].map((path) => statsOf(path)?.size ?? 0);
  const [now = 0, before = 0] = bytes;
  if (now + before <= mostBytes) return [];
  const file = now > before ? own.log : `${own.log}.1`;
  const why = 'A daemon keeps it below 10 MiB: something else writes there, or an older holdfast did.';
  const what = `The log takes ${size(now + before)}.`;
  return [{ level: 'warning', what, why, fix: `truncate -s 0 ${quoted(file)}` }];
};
