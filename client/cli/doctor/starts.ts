import { maxStarts, recentStarts } from '../../autostart.ts';
import { lastFailureOf } from '../../daemon-files.ts';
import { when } from '../text.ts';
import type { Check, Finding } from './finding.ts';

/** Daemons that did not last, and why the last one could not run. */
export const starts: Check = ({ own, found }) => {
  const count = recentStarts(own).length;
  const findings: Finding[] = [];
  const last = lastFailureOf(own);
  if (last && found.state !== 'running') {
    const what = `The last daemon could not run, ${when(last.at)}: ${last.message}`;
    const why = `It ended with exit code ${last.exitCode}. This stands until one has started.`;
    findings.push({ level: 'warning', what, why, fix: 'holdfast start' });
  }
  if (count < 2) return findings;
  const stopped = found.state === 'stopped' && count >= maxStarts;
  findings.push({
    level: stopped ? 'problem' : 'warning',
    what: `Programs started the daemon ${count} times in ten minutes.`,
    why: stopped ? 'It did not last, so they start it no more.' : 'It was killed, or it crashes.',
    fix: stopped ? 'holdfast start' : 'holdfast logs',
  });
  return findings;
};
