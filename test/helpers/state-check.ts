import { daemonOf } from '../../client/daemon-files.ts';
import { listens } from '../../client/listens.ts';
import { isAlive } from '../../client/start-lock.ts';
import { holdfast, type Ended } from './cli.ts';
import { changing, faults, rows } from './every-command.ts';
import { ServiceHome } from './service.ts';
import { StateHome, type State } from './states.ts';
import { until } from './wait.ts';

/** Those that wait for a daemon cost nothing meanwhile; more of the others than there are cores would only be slower. */
const atATime: Record<State, number> = {
  stopped: 4,
  killed: 4,
  running: 4,
  incompatible: 4,
  keyless: 4,
  starting: 40,
  wedged: 40,
};

/** Runs every command against a daemon in a state; answers all that is wrong with how they end and with what they leave. */
export async function check(state: State): Promise<string[]> {
  await using home = await StateHome.in(state);
  using user = new ServiceHome();
  // With no code, and with service managers that only say what they are asked.
  const env = { ...process.env, ...user.environment() };
  const run = (name: string, args: string[]) =>
    holdfast(home, [...name.split(' '), ...args], 'wrong code\n', true, env);

  const found: string[] = [];
  const waiting = Object.entries(state === 'wedged' ? { ...rows, ...changing } : rows);
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, row] = next;
      found.push(...faults(state, name, row, await run(name, row.args)));
    }
  };
  await Promise.all(Array.from({ length: atATime[state] }, work));
  found.push(...(await touched(home, state)));
  for (const name of order[state]) {
    const row = changing[name];
    if (row) found.push(...faults(state, name, row, await change(home, name, () => run(name, []))));
    if (state === 'stopped' || state === 'killed') await endAgain(home);
  }
  return found;
}

/** One after the other, so that each finds the state; `serve` while another starts one would be that one. */
const order: Record<State, string[]> = {
  stopped: ['stop', 'serve', 'start', 'restart'],
  killed: ['stop', 'serve', 'start', 'restart'],
  starting: ['stop', 'restart', 'start'],
  running: ['serve', 'start', 'restart', 'stop'],
  wedged: [],
  incompatible: ['serve', 'start', 'restart', 'stop'],
  keyless: ['serve', 'start', 'restart', 'stop'],
};

/** Whether something was started, ended or replaced that should not have been. */
async function touched({ pid, paths }: StateHome, state: State): Promise<string[]> {
  const silent = state === 'stopped' || state === 'killed' || state === 'starting';
  if (silent && (await listens(paths.socket))) return [`${state}: a daemon was started`];
  if (pid !== undefined && !isAlive(pid)) return [`${state}: the daemon was ended`];
  return !silent && daemonOf(paths.daemonFile)?.pid !== pid ? [`${state}: the daemon was replaced`] : [];
}

/** Runs a command that changes the daemon; what runs in the foreground, until it serves; what waits for a start, until that goes on. */
async function change(home: StateHome, name: string, run: () => Promise<Ended>): Promise<Ended> {
  const before = daemonOf(home.paths.daemonFile)?.pid;
  const ended = run();
  if (name === 'serve' && home.pid === undefined) {
    const pid = await until('it serves', async () => {
      const now = daemonOf(home.paths.daemonFile)?.pid;
      return now !== before && now !== undefined && (await listens(home.paths.socket)) && now;
    });
    process.kill(pid, 'SIGTERM');
  }
  // The others must find it as it is: let go any earlier, it may be up before they have looked.
  if (name === 'start') home.letGo();
  return ended;
}

/** As after a kill. */
async function endAgain({ paths }: StateHome): Promise<void> {
  const pid = daemonOf(paths.daemonFile)?.pid ?? 0;
  if (!isAlive(pid)) return;
  process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !isAlive(pid));
}
