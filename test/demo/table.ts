import { agentCount, tokenSeconds } from './agents.ts';
import { seconds, suspendedMs } from './disturb.ts';
import { fleetSize } from './fleet.ts';
import { staleMs } from './lock.ts';
import { broken, type Result } from './result.ts';
import { count, paint } from './screen.ts';
import type { Tally } from './tally.ts';

const widths = [42, 15, 19] as const;

/** The table at the end: what holdfast and the JSON files came to, side by side. */
export function table(holdfast: Result, files: Result): string[] {
  const results = [holdfast, files] as const;
  const row = (label: string, cell: (result: Result) => string, bad?: (result: Result) => boolean) => {
    const cells = results.map((result, index) => {
      const text = cell(result).padStart(widths[index + 1] ?? 0);
      return bad === undefined ? text : paint(bad(result) ? ['red', 'bold'] : 'green', text);
    });
    return `  ${label.padEnd(widths[0])}${cells.join('')}`;
  };
  const number = (label: string, value: (result: Result) => number, mustBeZero = false) =>
    row(label, (result) => count(Math.round(value(result))), mustBeZero ? (result) => value(result) > 0 : undefined);
  return [
    '',
    `  ${paint('bold', ''.padEnd(widths[0]) + 'holdfast'.padStart(widths[1]) + 'JSON files'.padStart(widths[2]))}`,
    `  ${paint('dim', '─'.repeat(widths[0] + widths[1] + widths[2]))}`,
    number('acknowledged  the CLI was told: saved', ({ all }) => all.acknowledged),
    number('present       found when read back', ({ all }) => all.present),
    number('duplicated    found more than once', ({ all }) => all.duplicated.length, true),
    number('lost          acknowledged, not found', ({ all }) => all.lost.length, true),
    row('                messages, feed updates', ({ kinds: { messages, feeds } }) => lostIn(messages, feeds)),
    number('refreshes     of one login, at its issuer', ({ login }) => login.refreshes),
    number('used again    a spent refresh token', ({ login }) => login.reused, true),
    number(`logged out    of ${agentCount} processes that share it`, ({ login }) => login.loggedOut, true),
    number('corrupt files or records', ({ corrupt }) => corrupt, true),
    number('errors seen by the application', ({ errors }) => errors.length, true),
    number('writes per second', ({ writesPerSecond }) => writesPerSecond),
    row('longest wait for one write', ({ longestMs }) => `${(longestMs / 1000).toFixed(2)} s`),
    row('killed with SIGKILL', killed),
    `  ${paint('dim', '─'.repeat(widths[0] + widths[1] + widths[2]))}`,
    `  Both: ${fleetSize} CLIs, ${seconds} s, one of them suspended for ${suspendedMs / 1000} s (a sleeping laptop).`,
    `  Login: ${agentCount} more processes; access tokens last ${tokenSeconds} s, refresh tokens are good once.`,
    `  JSON files: lock file (stale after ${staleMs / 1000} s), read, change, write aside, rename.`,
    '  holdfast waits for the disk (fsync) before it answers; the JSON files do not.',
    '',
    ...closing(holdfast, files),
  ];
}

const lostIn = (messages: Tally, feeds: Tally) => `${count(messages.lost.length)}, ${count(feeds.lost.length)}`;

const killed = ({ daemonKills, cliKills }: Result) =>
  daemonKills > 0 ? `daemon ${daemonKills}, CLIs ${cliKills}` : `CLIs ${cliKills}`;

function closing(holdfast: Result, files: Result): string[] {
  const failures = broken(holdfast);
  if (failures.length > 0) {
    return [
      `  ${paint(['red', 'bold'], 'holdfast broke its promise, which is a bug:')}`,
      ...failures.map((failure) => `  - ${failure}`),
    ];
  }
  const lost = files.all.lost.length;
  const others =
    lost > 0
      ? `The JSON files lost ${count(lost)} that their application had been told ${lost === 1 ? 'was' : 'were'} saved.`
      : 'The JSON files lost nothing this time: whether they do depends on the moment.';
  return [
    `  ${paint('bold', `holdfast kept every acknowledged write, once, and the login, through ${holdfast.daemonKills} kills.`)}`,
    `  ${others}`,
    `  ${loginLost(files)}`,
  ];
}

const loginLost = ({ login: { loggedOut } }: Result) =>
  loggedOut > 0
    ? `The login in the JSON file ended: ${loggedOut} of ${agentCount} processes must log in again.`
    : 'The login in the JSON file lasted this time: that depends on the moment, too.';
