import { Issuer } from '../helpers/issuer.ts';
import { Agents } from './agents.ts';
import { disturb, killDaemon, suspendAny, suspendHolder } from './disturb.ts';
import { contended, onFiles, readFiles } from './files.ts';
import { Fleet } from './fleet.ts';
import { readHoldfast } from './holdfast.ts';
import { saveOnFiles, saveOnHoldfast } from './logins.ts';
import { follow } from './progress.ts';
import { toResult, type Result } from './result.ts';
import type { Screen } from './screen.ts';
import { Supervisor } from './supervisor.ts';

/** How long the CLIs may take to finish the write they are at, in milliseconds. */
const finishMs = 4_000;
/** How long the agents may take to make their last call, when the daemon has only just been killed. */
const agentsFinishMs = 15_000;
/** A login whose access token is over: the first thing that all agents need is a refresh. */
const ended = { lifetimeMs: -1000 };

interface Place {
  screen: Screen;
  /** Ends what was started, also when the demo is interrupted. */
  cleanup: AsyncDisposableStack;
  /** For every process that is started. */
  env: NodeJS.ProcessEnv;
}

/** The load on holdfast, whose daemon is killed every second. */
export async function loadHoldfast({ screen, cleanup, env }: Place): Promise<Result> {
  const supervisor = cleanup.use(new Supervisor());
  const { socket } = supervisor.home.paths;
  // At this level, and not at one that the user may have set, the daemon says that it is ready.
  await supervisor.start({ ...env, HOLDFAST_LOG_LEVEL: 'info' });
  const fleet = cleanup.use(new Fleet('holdfast', socket, env));
  const issuer = cleanup.use(await Issuer.listen());
  const agents = cleanup.use(new Agents(issuer));
  await saveOnHoldfast(socket, issuer.issue(ended));
  await Promise.all([fleet.start(), agents.start('holdfast', socket, env)]);
  const unfollow = follow(screen, {
    title: '1 of 2: holdfast',
    about: [
      'Eight CLIs replay recorded agent sessions and keep podcast feeds in holdfast.',
      'Four more processes share one login, whose access tokens last a second.',
      'Every second its daemon is killed (SIGKILL), and so is one of the CLIs.',
    ],
    fleet,
    agents,
    daemon: supervisor,
  });
  const begin = performance.now();
  agents.go();
  await Promise.all([disturb(fleet, () => suspendAny(fleet)), killDaemon(supervisor)]);
  await fleet.finish(finishMs);
  const elapsedMs = performance.now() - begin;
  await agents.finish(agentsFinishMs);
  // What counts is what a new process finds on the disk.
  await supervisor.kill();
  await supervisor.ready();
  const found = await readHoldfast(socket);
  unfollow();
  fleet.errors.push(...supervisor.surprises);
  await supervisor[Symbol.asyncDispose]();
  return toResult(fleet, agents, found, elapsedMs, supervisor.kills);
}

/** The same load on JSON files under a lock in `directory`. */
export async function loadFiles({ screen, cleanup, env }: Place, directory: string): Promise<Result> {
  onFiles(directory);
  const fleet = cleanup.use(new Fleet('files', directory, env));
  const issuer = cleanup.use(await Issuer.listen());
  const agents = cleanup.use(new Agents(issuer));
  await saveOnFiles(directory, issuer.issue(ended));
  await Promise.all([fleet.start(), agents.start('files', directory, env)]);
  const unfollow = follow(screen, {
    title: '2 of 2: JSON files under a lock',
    about: [
      'The same twelve keep the same in JSON files, as applications do today.',
      'Every second one of the CLIs is killed (SIGKILL).',
    ],
    fleet,
    agents,
  });
  const begin = performance.now();
  agents.go();
  await disturb(fleet, () => suspendHolder(fleet, contended(directory)));
  await fleet.finish(finishMs);
  const elapsedMs = performance.now() - begin;
  await agents.finish(agentsFinishMs);
  const found = readFiles(directory);
  unfollow();
  return toResult(fleet, agents, found, elapsedMs, 0);
}
