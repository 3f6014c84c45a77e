import { readFileSync } from 'node:fs';
import { adviceFor } from '../../../shared/reasons.ts';
import { pidOf } from '../../call.ts';
import type { Check, Finding } from './finding.ts';

/** Whether it runs, and what it says of itself. */
export const daemon: Check = ({ own, found, environment }) => {
  if (found.state === 'running') return found.health.reasons?.flatMap(reasonOf) ?? [];
  if (found.state === 'silent') return [silent(pidOf(own.socket), found.advice)];
  if (found.state === 'starting') {
    return [
      { level: 'note', what: 'Somebody is starting holdfast.', why: 'It is looked at while it starts.', fix: null },
    ];
  }
  const by = environment['HOLDFAST_NO_AUTOSTART']
    ? 'Nor does a program start it, for HOLDFAST_NO_AUTOSTART is set.'
    : 'The next program that needs it starts it.';
  return [{ level: 'note', what: 'holdfast is not running.', why: by, fix: 'holdfast start' }];
};

function silent(pid: number | undefined, advice: string): Finding {
  const what = `holdfast${pid === undefined ? '' : ` (pid ${pid})`} does not answer.`;
  if (pid !== undefined && isSuspended(pid)) {
    return {
      level: 'problem',
      what,
      why: 'Its process is suspended: somebody sent it SIGSTOP.',
      fix: `kill -CONT ${pid}`,
    };
  }
  return {
    level: 'problem',
    what,
    why: sentence(advice),
    fix: pid === undefined ? 'holdfast status' : `kill -9 ${pid}`,
  };
}

/** Linux tells: the state stands behind the name, which may hold anything. */
function isSuspended(pid: number): boolean {
  try {
    return /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Those of the root key are told by its own check; what this command finds out itself, by others. */
function reasonOf(code: string): Finding[] {
  if (code.startsWith('key_')) return [];
  const advice = adviceFor(code);
  const [, fix = 'holdfast logs'] = /'(holdfast [^']+)'[^']*$/.exec(advice) ?? [];
  const what = `The daemon says: ${code}.`;
  return [{ level: 'problem', what, why: sentence(advice), fix: fix === 'holdfast doctor' ? null : fix }];
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
