import { join } from 'node:path';
import { isGroup } from '../../client/cli/command.ts';
import { commands } from '../../client/cli/commands.ts';
import type { Ended } from './cli.ts';
import { root } from './daemon.ts';
import { kept, type State } from './states.ts';

export interface Row {
  /** What follows the command's name. */
  args: string[];
  codes: Record<State, number>;
  /** Where it answers when all is not well; by its help these answer in their own words, on stdout. */
  answers?: true;
  /** What its line may say instead of what the state asks for. */
  says?: RegExp;
}

/** Without the daemon it is of no use. */
const asks = (running = 0, keyless = running): Row['codes'] => ({
  stopped: 69,
  killed: 69,
  starting: 69,
  wedged: 69,
  running,
  keyless,
  incompatible: 1,
});
/** It does not matter how the daemon is. */
const same = (code = 0): Row['codes'] => ({
  stopped: code,
  killed: code,
  starting: code,
  running: code,
  wedged: code,
  incompatible: code,
  keyless: code,
});

const app = ['--app', kept.app];
const row = (codes: Row['codes'], ...args: string[]): Row => ({ codes, args });
const session = (codes: Row['codes'], ...args: string[]) => row(codes, kept.session, ...args, ...app);

/** Commands that change nothing of the daemon, with the exit code in each state. */
export const rows: Record<string, Row> = {
  status: { ...row({ ...asks(0, 1) }, '--json'), answers: true },
  health: { ...row({ ...asks(), incompatible: 0 }, '--json'), answers: true },
  socket: row(same(), '--json'),
  logs: { ...row({ ...same(), stopped: 1, starting: 1 }, '--json'), says: /no log file.*journalctl/ },
  version: row(same(), '--json'),
  completion: row(same(), 'bash'),
  help: row(same()),
  doctor: {
    ...row({ ...same(1), stopped: 0, starting: 0, running: 0 }, '--json'),
    answers: true,
    says: /holdfast|kill/,
  },
  watch: row({ ...asks(), incompatible: 0 }, '--after', '0', '--limit', '1', '--json'),
  'sessions list': row(asks(), '--json', ...app),
  'sessions show': session(asks(), '--json'),
  'sessions tail': session(asks(), '--json'),
  'sessions search': row(asks(), 'falcons', '--json'),
  // Of any version.
  'sessions export': session({ ...asks(), incompatible: 0 }),
  'sessions fork': session(asks(), '--json'),
  'sessions delete': session(asks(), '--dry-run'),
  'sessions restore': row(asks(), kept.deleted, '--json', ...app),
  'feeds list': row(asks(), '--json', ...app),
  'feeds add': row(asks(), 'other', 'https://example.org/other', '--json', ...app),
  'feeds remove': row(asks(), kept.feed, '--dry-run', ...app),
  'feeds rename': row(asks(), kept.renamed, 'later', '--json', ...app),
  'feeds import': row(asks(), join(root, 'test', 'fixtures', 'feeds.opml'), '--dry-run', '--json', ...app),
  'feeds export': row(asks(), ...app),
  'config list': row(asks(), '--json', ...app),
  'config show': row(asks(), kept.config, '/a', '--json', ...app),
  'config set': row(asks(), kept.config, '/b', '[1]', '--json', ...app),
  'config remove': row(asks(), kept.config, '--dry-run', ...app),
  'config edit': { ...row(asks(1), '..', ...app), says: /name must not be '\.' or '\.\.'/ },
  'config history': row(asks(), kept.config, '--json', ...app),
  'config diff': row(asks(), kept.config, '1', '2', '--json', ...app),
  'config revert': row(asks(), kept.config, '1', '--dry-run', '--json', ...app),
  'config export': row(asks(), kept.config, ...app),
  'config import': row(asks(), kept.config, '-', '--replace', '--dry-run', '--json', ...app),
  'auth list': row(asks(), '--json', ...app),
  'auth remove': row(asks(), kept.profile, '--dry-run', ...app),
  'queues list': row(asks(), kept.queue, '--json', ...app),
  'queues show': row(asks(), kept.queue, 'first', '--json', ...app),
  'queues stats': row(asks(), '--json', ...app),
  'queues requeue': row(asks(), kept.queue, 'first', '--json', ...app),
  'queues clear': row(asks(), kept.queue, '--dry-run', ...app),
  'costs summary': row(asks(), '--by', 'day', '--json', ...app),
  'costs list': row(asks(), '--json', ...app),
  'costs clear': row(asks(), '--dry-run', ...app),
  'costs budgets': row(asks(), '--json', ...app),
  'limits list': row(asks(), '--json', ...app),
  'key status': { ...row(asks(0, 1), '--json'), answers: true },
  'key init': { ...row(asks(1)), says: /already.*'holdfast key status'/ },
  'key unlock': { ...row(asks(1)), says: /passphrase is not needed|'holdfast key restore'/ },
  'key backup': row(asks(0, 1)),
  'key restore': { ...row(asks(1)), says: /code has a typo.*14 groups of 4/ },
  'key rotate': row(asks(0, 1)),
  'sandbox print': row(same(), '--json'),
  'sandbox install': row(same(), 'bubblewrap', '--dry-run', '--json'),
  'sandbox remove': row(same(), 'bubblewrap', '--dry-run', '--json'),
  'service install': row({ ...same(), starting: 69, wedged: 69 }, '--dry-run', '--json'),
  'service uninstall': row(same(), '--dry-run', '--json'),
  'service status': { ...row(same(1), '--json'), answers: true, says: /"installed": false/ },
};

/** Commands that start or end a daemon; of one that is wedged they change nothing. */
export const changing: Record<string, Row> = {
  // The daemon's log goes to stdout.
  serve: { ...row({ ...same(75), stopped: 0, killed: 0 }), answers: true, says: /Another holdfast owns .* \(pid \d+/ },
  start: row({ ...same(), wedged: 69, incompatible: 1 }),
  restart: row({ ...same(), starting: 69, wedged: 69 }),
  stop: row({ ...same(), starting: 69, wedged: 69 }),
};

/** Every command of the command line by its whole name. */
export function names(): string[] {
  return Object.entries(commands).flatMap(([name, entry]) => {
    return isGroup(entry) ? Object.keys(entry.commands).map((verb) => `${name} ${verb}`) : [name];
  });
}

/** What a line must say in a state: what is so, and what to do. */
const lines: Record<State, RegExp> = {
  stopped: /(is not running|"stopped").*'holdfast start'/,
  killed: /(is not running|"stopped").*'holdfast start'/,
  starting: /starting.*try again/,
  running: /holdfast/,
  wedged: /suspended or hangs.*'kill -9 \d+'/,
  incompatible: /older|speaks protocol.*'holdfast restart'/,
  keyless: /key_missing|missing.*'holdfast key restore'/,
};

/** Everything that is wrong with how a command ended in a state; nothing when it is as documented. */
export function faults(state: State, name: string, { args, codes, answers, says }: Row, ended: Ended): string[] {
  const { code, stdout, stderr } = ended;
  const found: string[] = [];
  const fault = (wrong: boolean, what: string) => wrong && found.push(`${name} of ${state}: ${what}`);
  fault(code !== codes[state], `exit code ${code}, not ${codes[state]}: ${stdout}${stderr}`);
  fault(
    /undefined|NaN|\[object|^\s+at .*:\d+|[{ ]E[A-Z]{4,}\b/m.test(stdout + stderr),
    `what no person reads: ${stdout}${stderr}`,
  );
  if (args.includes('--json') && stdout !== '') fault(!isJson(stdout), `no JSON: ${stdout}`);
  if (codes[state] === 0) return found;
  const inAnswer = answers === true && stdout !== '';
  if (!inAnswer) {
    fault(stdout !== '', `data beside an error: ${stdout}`);
    fault(!/^holdfast: .+\n$/.test(stderr), `no one line: ${stderr}`);
  }
  const said = inAnswer ? stdout.replaceAll('\n', ' ') : stderr;
  fault(!says?.test(said) && !lines[state].test(said), `what to do is missing: ${said}`);
  return found;
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
