import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findNode } from '../../autostart.ts';
import { lastNodeOf } from '../../daemon-files.ts';
import type { Check, Finding } from './finding.ts';

/** The oldest Node of this command. */
const oldestOwn = 22;

/** The Node of this command, and the one that the daemon is started with. */
export const node: Check = ({ own, node: version, environment }) => [
  ...ownNode(version),
  ...daemonNode(lastNodeOf(own), environment['HOLDFAST_NODE'], () => findNode(own)),
];

function ownNode(version: string): Finding[] {
  if (Number.parseInt(version) >= oldestOwn) return [];
  const what = `This command runs on Node ${version}, and needs ${oldestOwn} or newer.`;
  return [{ level: 'problem', what, why: 'Older ones lack what it calls.', fix: 'nvm install --lts' }];
}

/** `find` answers the one that a start would take, or throws why there is none. */
export function daemonNode(last: string | undefined, named: string | undefined, find: () => string): Finding[] {
  const fault = last === undefined ? undefined : faultOf(last);
  const library = fault?.includes('libatomic') === true;
  let next: string;
  try {
    next = find();
  } catch (error) {
    const what = (error as Error).message;
    if (library) return [libatomic(last ?? '', 'problem')];
    const fix = named ? 'unset HOLDFAST_NODE' : 'export HOLDFAST_NODE=/path/to/node';
    return [{ level: 'problem', what, why: 'Without it no daemon can start.', fix }];
  }
  if (last === undefined || fault === undefined) return [];
  if (library) return [libatomic(last, 'warning')];
  const what = `The Node that last ran the daemon, ${last}, ${fault}.`;
  return [{ level: 'warning', what, why: `The next start takes ${next}, and notes it.`, fix: 'holdfast restart' }];
}

const libatomic = (path: string, level: Finding['level']): Finding => ({
  level,
  what: `${path} does not start, for the library libatomic is missing.`,
  why: "Node's builds for Linux need it, and small systems come without it.",
  fix: 'sudo apt-get install libatomic1',
});

/** Why a Node does not run; undefined when it does. */
function faultOf(path: string): string | undefined {
  if (!existsSync(path)) return 'is gone';
  const { status, stderr, error } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (status === 0) return undefined;
  return `does not run (${(error?.message ?? stderr).trim() || `exit code ${status}`})`;
}
