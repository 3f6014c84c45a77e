import { cut, safe } from '../text.ts';
import type { Plan } from './plan.ts';

/** Lines of a kind that are shown: a file may have thousands of them. */
const shown = 20;

/** What an import did, or would do, for people: how much, and then each line that is not simply added. */
export function report({ additions, skipped, refused, leftOut }: Plan, dryRun: boolean): string {
  const renamed = additions.filter(({ reason }) => reason !== undefined);
  const counts: [count: number, what: string][] = [
    [additions.length, dryRun ? 'would be added' : 'added'],
    [skipped.length, 'skipped'],
    [refused.length, 'refused'],
  ];
  const summary = counts
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, what]) => `${count} ${what}`);
  return [
    `Feeds: ${summary.join(', ')}.${dryRun ? ' Nothing was changed.' : ''}\n`,
    list('To be added', dryRun ? additions.map(({ line, name, url }) => [line, `${title(name)}  ${safe(url)}`]) : []),
    list(
      'Renamed',
      renamed.map(({ line, name, from, reason = '' }) => [line, `${title(from)} -> ${title(name)}: ${safe(reason)}`]),
    ),
    list(
      'Left out',
      leftOut.map(({ line, name, field, reason }) => [line, `${title(name)}: its ${field} ${safe(reason)}`]),
    ),
    list(
      'Skipped',
      skipped.map(({ line, name, reason }) => [line, `${title(name)}: ${safe(reason)}`]),
    ),
    list(
      'Refused',
      refused.map(({ line, name, reason }) => [line, `${title(name)}: ${safe(reason)}`]),
    ),
  ].join('');
}

const title = (name: string | null) => (name === null ? '(no name)' : cut(safe(name), 40));

function list(heading: string, rows: [line: number, text: string][]): string {
  if (rows.length === 0) return '';
  const width = String(Math.max(...rows.slice(0, shown).map(([line]) => line))).length;
  const lines = rows.slice(0, shown).map(([line, text]) => `  line ${String(line).padStart(width)}  ${text}\n`);
  const more = rows.length > shown ? `  and ${rows.length - shown} more: --json names them all\n` : '';
  return `\n${heading}:\n${lines.join('')}${more}`;
}
