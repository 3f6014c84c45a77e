import { disturb, killDaemon, suspendAny, suspendHolder } from './disturb.ts';
import { contended, onFiles, readFiles } from './files.ts';
import { Fleet } from './fleet.ts';
import { readHoldfast } from './holdfast.ts';
import { follow } from './progress.ts';
import { toResult, type Result } from './result.ts';
import type { Screen } from './screen.ts';
import { Supervisor } from './supervisor.ts';

/** How long the CLIs may take to finish the write they are at, in milliseconds. */
const finishMs = 4_000;

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
  await fleet.start();
  const unfollow = follow(screen, {
    title: '1 of 2: holdfast',
    about: [
      'Eight CLIs replay recorded agent sessions and keep podcast feeds in holdfast.',
      'Every second its daemon is killed (SIGKILL), and so is one of the CLIs.',
    ],
    fleet,
    daemon: supervisor,
  });
  const begin = performance.now();
  await Promise.all([disturb(fleet, () => suspendAny(fleet)), killDaemon(supervisor)]);
  await fleet.finish(finishMs);
  const elapsedMs = performance.now() - begin;
  // What counts is what a new process finds on the disk.
  await supervisor.kill();
  await supervisor.ready();
  const found = await readHoldfast(socket);
  unfollow();
  fleet.errors.push(...supervisor.surprises);
  await supervisor[Symbol.asyncDispose]();
  return toResult(fleet, found, elapsedMs, supervisor.kills);
}

/** The same load on JSON files under a lock in `directory`. */
export async function loadFiles({ screen, cleanup, env }: Place, directory: string): Promise<Result> {
  onFiles(directory);
  const fleet = cleanup.use(new Fleet('files', directory, env));
  await fleet.start();
  const unfollow = follow(screen, {
    title: '2 of 2: JSON files under a lock',
    about: [
      'The same eight CLIs keep the same in JSON files, as applications do today.',
      'Every second one of them is killed (SIGKILL).',
    ],
    fleet,
  });
  const begin = performance.now();
  await disturb(fleet, () => suspendHolder(fleet, contended(directory)));
  await fleet.finish(finishMs);
  const elapsedMs = performance.now() - begin;
  const found = readFiles(directory);
  unfollow();
  return toResult(fleet, found, elapsedMs, 0);
}
