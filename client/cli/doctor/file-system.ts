import { networkFileSystem } from '../../../shared/mounts.ts';
import type { Check, Finding } from './finding.ts';
import { existing, type Patient } from './patient.ts';

/** What the data lies on. */
export const fileSystem: Check = (patient) => [...network(patient), ...wsl(patient)];

const local = 'export HOLDFAST_HOME=/path/on/a/local/disk';

function network({ own, mountinfo }: Patient): Finding[] {
  const type = networkFileSystem(existing(own.data), mountinfo);
  if (type === undefined) return [];
  const what = `${own.data} lies on a network file system (${type}).`;
  return [
    { level: 'problem', what, why: 'The daemon does not start there: file locks cannot be trusted.', fix: local },
  ];
}

function wsl({ own, kernel, mountinfo }: Patient): Finding[] {
  if (!/microsoft/i.test(kernel)) return [];
  if (/^\/mnt\/[a-z]\//.test(own.data) && networkFileSystem(existing(own.data), mountinfo) === undefined) {
    const why = 'File locks and modes of Windows are others: two daemons could come to write there.';
    return [{ level: 'problem', what: `${own.data} lies on a disk of Windows.`, why, fix: local }];
  }
  const why = 'Windows ends the daemon when the last terminal is closed. Nothing that is stored is lost by that.';
  return [{ level: 'note', what: 'This is Linux below Windows (WSL).', why, fix: null }];
}
