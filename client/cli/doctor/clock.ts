import { statsOf } from '../stats.ts';
import { isoTime, type Check } from './finding.ts';
import { timeIn } from './patient.ts';

/** Clocks that are set by network differ by less, in milliseconds. */
const toleranceMs = 60_000;
/** Before holdfast was written: a computer without a battery starts in 1970. */
const earliest = Date.UTC(2025, 0, 1);

/** A clock that has gone back, or was never set. */
export const clock: Check = ({ own, found, said, now }) => {
  const times = [
    found.state === 'running' ? Date.parse(found.health.lastCommitAt ?? '') : Number.NaN,
    Date.parse(said?.startedAt ?? ''),
    timeIn(own.lastError, 'at'),
    statsOf(own.database)?.mtimeMs ?? Number.NaN,
    statsOf(own.lastStart)?.mtimeMs ?? Number.NaN,
  ];
  const last = Math.max(...times.filter(Number.isFinite));
  const unset = now < earliest;
  if (!unset && !(last > now + toleranceMs)) return [];
  const seen = unset ? 'holdfast is younger than that' : `holdfast wrote something at ${isoTime(last)}`;
  return [
    {
      level: unset ? 'problem' : 'warning',
      what: `The clock says ${isoTime(now)}, and ${seen}.`,
      why: 'No order of records depends on it; times that are shown, and tokens that expire, are wrong.',
      fix: process.platform === 'darwin' ? 'sudo sntp -sS time.apple.com' : 'sudo timedatectl set-ntp true',
    },
  ];
};
