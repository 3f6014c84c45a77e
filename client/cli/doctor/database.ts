import { size } from '../text.ts';
import { quoted, type Check, type Finding } from './finding.ts';
import { smallBytes } from './integrity.ts';

export const database: Check = ({ own, database: { bytes, report, noNode } }) => {
  if (noNode) return [unread];
  if (!report) return bytes > smallBytes ? [tooLarge(bytes)] : [];
  const { damaged, faults, failed } = report;
  const fix = `holdfast stop && cp -a ${quoted(own.data)} ${quoted(`${own.data}.damaged`)}`;
  const found = (what: string, why: string): Finding => ({ level: 'problem', what, why: `${why} ${keep}`, fix });
  const findings: Finding[] = [];
  if (damaged.length > 0) {
    const they = damaged.length === 1 ? 'A record is' : `${damaged.length} records are`;
    const what = `${they} damaged: the disk gave back something else than was written.`;
    const rest = 'Asked for, it answers an error until it is stored anew; all others are whole.';
    findings.push({ ...found(what, rest), records: damaged });
  }
  if (faults.length > 0) {
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
    const what = `SQLite finds the database damaged: ${faults[0]}${more}.`;
    findings.push(found(what, 'What lies there may be missing from answers.'));
  }
  if (failed !== undefined) {
    findings.push(
      found(`The database could not be checked: ${failed.replace(/\.$/, '')}.`, 'Nobody knows whether it is whole.'),
    );
  }
  return findings;
};

const keep = 'Before anything else, keep a copy of what is there.';

const tooLarge = (bytes: number): Finding => ({
  level: 'note',
  what: `The database (${size(bytes)}) was not checked.`,
  why: 'One of more than 200 MiB is checked only when it is asked for: about a second for each 150 MiB.',
  fix: 'holdfast doctor --integrity',
});

const unread: Finding = {
  level: 'note',
  what: 'The database was not checked.',
  why: 'There is no Node that could do it: see above.',
  fix: null,
};
