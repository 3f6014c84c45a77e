import { paint, wrap } from '../screen.ts';
import { safe } from '../text.ts';
import type { Found } from './checks.ts';

/** Records that are named one by one. */
const mostRecords = 10;

const headings = { problem: 'Problem', warning: 'Warning', note: 'Note' } as const;
const colours = { problem: 'red', warning: 'yellow', note: 'dim' } as const;

/** What a person reads: a verdict, then each finding, the worst first. */
export function report(findings: Found[], checks: number, mended: number): string {
  const wrong = findings.filter(({ level }) => level !== 'note');
  const verdict =
    wrong.length === 0
      ? paint('green', `holdfast is well: nothing is to be mended (${checks} checks).`)
      : paint(wrong[0]?.level === 'problem' ? 'red' : 'yellow', `holdfast has ${counted(wrong)}.`);
  const able = wrong.filter(({ repair }) => repair).length;
  const offer =
    able > 0 && mended === 0
      ? `\n'holdfast doctor --fix' mends ${able === wrong.length ? (able === 1 ? 'it' : 'all of them') : `${able} of them`} by itself.\n`
      : '';
  return `${verdict}\n${findings.map(paragraph).join('')}${offer}`;
}

function counted(wrong: Found[]): string {
  const problems = wrong.filter(({ level }) => level === 'problem').length;
  return [...some(problems, 'problem'), ...some(wrong.length - problems, 'warning')].join(' and ');
}
const some = (count: number, word: string) => (count === 0 ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]);

function paragraph({ level, what, why, fix, records = [] }: Found): string {
  const named = records
    .slice(0, mostRecords)
    .map(({ kind, app, id, reason }) => `${kind} ${id}${app === null ? '' : ` of ${app}`}: ${reason}`);
  const more = records.length > mostRecords ? [`and ${records.length - mostRecords} more: see --json`] : [];
  const [first = '', ...rest] = wrap(`${headings[level]}: ${what}`, '');
  const lines = [
    first.replace(headings[level], (word) => paint(colours[level], word)),
    ...rest,
    ...[...named, ...more].flatMap((text) => wrap(text, '    ')),
    ...wrap(why, '  '),
    // Whole, to be copied.
    ...(fix === null ? [] : [`  Run: ${paint('bold', safe(fix))}`]),
  ];
  return `\n${lines.join('\n')}\n`;
}
