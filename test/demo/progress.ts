import { agentCount, type Agents } from './agents.ts';
import { seconds } from './disturb.ts';
import type { Cli, Fleet } from './fleet.ts';
import { bar, count, paint, sparkline, type Screen } from './screen.ts';

const framesPerSecond = 8;

interface Subject {
  /** `1 of 2: holdfast` */
  title: string;
  /** What is happening, in lines. */
  about: string[];
  fleet: Fleet;
  agents: Agents;
  /** What the daemon is doing, where there is one. */
  daemon?: { readonly running: boolean; readonly kills: number };
}

/** Shows a load while it runs, until the answered function is called. */
export function follow(screen: Screen, subject: Subject): () => void {
  const show = screen.live ? drawing(screen, subject) : telling(subject);
  const begin = performance.now();
  const timer = setInterval(() => show((performance.now() - begin) / 1000), 1000 / framesPerSecond);
  return () => clearInterval(timer);
}

/** Where there is no terminal: one line a second. */
function telling({ title, about, fleet, agents, daemon }: Subject): (elapsed: number) => void {
  console.log([title, ...about].join('\n  '));
  let second = 0;
  let before = 0;
  return (elapsed) => {
    if (elapsed < second + 1 || second >= seconds) return;
    second = Math.min(Math.floor(elapsed), seconds);
    const saved = `${count(fleet.total).padStart(7)} saved  ${count(fleet.total - before).padStart(5)}/s`;
    const killed = `killed: ${daemon ? `daemon ${daemon.kills}, ` : ''}CLIs ${fleet.kills}`;
    const failed = `errors ${errors(fleet, agents)}  logged out ${agents.tally.loggedOut}`;
    console.log(`  ${second} s  ${saved}  ${killed}  ${failed}`);
    before = fleet.total;
  };
}

/** On a terminal: one screen, drawn in place. */
function drawing(screen: Screen, { title, about, fleet, agents, daemon }: Subject): (elapsed: number) => void {
  /** Totals, one per frame. */
  const totals = [0];
  return (elapsed) => {
    totals.push(fleet.total);
    const recent = totals.slice(-1 - framesPerSecond);
    const rate = (fleet.total - (recent[0] ?? 0)) * (framesPerSecond / (recent.length - 1));
    const gains = totals.slice(1).map((total, index) => total - (totals[index] ?? 0));
    const time = elapsed < seconds ? `${elapsed.toFixed(1)} of ${seconds} s` : 'reading everything back';
    screen.draw([
      '',
      `  ${paint('bold', title)}${paint('dim', time.padStart(76 - title.length))}`,
      '',
      ...about.map((line) => `  ${paint('dim', line)}`),
      '',
      ...fleet.clis.map(cliLine),
      '',
      ...(daemon ? [daemonLine(daemon)] : []),
      `  acknowledged ${count(fleet.total).padStart(8)}`,
      `  errors       ${count(errors(fleet, agents)).padStart(8)}`,
      `  per second   ${count(Math.round(rate)).padStart(8)}  ${paint('cyan', sparkline(gains, 53))}`,
      loginLine(agents),
      '',
    ]);
  };
}

const errors = (fleet: Fleet, agents: Agents) => fleet.errors.length + agents.errors.length;

const daemonLine = ({ running, kills }: { running: boolean; kills: number }) =>
  `  daemon killed${count(kills).padStart(8)}  ${running ? paint('green', 'running') : paint('red', 'starting again')}`;

function loginLine({ tally: { refreshes, loggedOut } }: Agents): string {
  const state =
    loggedOut > 0 ? paint('red', `${loggedOut} of ${agentCount} processes logged out`) : paint('green', 'logged in');
  return `  refreshes    ${count(refreshes).padStart(8)}  ${state}`;
}

function cliLine(cli: Cli, index: number): string {
  const progress = `${cli.recording.padEnd(10)}  ${String(cli.line).padStart(2)}/${String(cli.of).padStart(2)}`;
  const saved = `${count(cli.acknowledged).padStart(7)} saved`;
  const state = { running: '', suspended: paint('yellow', '  suspended'), starting: paint('red', '  killed') }[
    cli.state
  ];
  return `  CLI ${index + 1}  ${paint('cyan', bar(cli.line, cli.of, 16))}  ${progress}  ${saved}${state}`;
}
