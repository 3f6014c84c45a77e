import { spawn } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { daemonOf, readJson } from '../../client/daemon-files.ts';
import { isAlive } from '../../client/start-lock.ts';
import { cli, TestHome, type DaemonProcess } from './daemon.ts';
import { oldest, OldTree } from './old-tree.ts';
import { until } from './wait.ts';

/** How a person may find the daemon. */
export const states = ['stopped', 'killed', 'starting', 'running', 'wedged', 'incompatible', 'keyless'] as const;
export type State = (typeof states)[number];

/** What is stored where the daemon has run: the command line names these. */
export const kept = {
  app: 'my-cli',
  session: 'talk-one',
  deleted: 'talk-old',
  feed: 'news',
  renamed: 'old',
  profile: 'work',
  queue: 'prompts',
  config: 'settings',
};

/** A home whose daemon is in a state, made for real. Disposing ends every daemon in it, whoever started it. */
export class StateHome extends TestHome {
  /** The daemon that must be as it was after a command; undefined where there is none. */
  pid: number | undefined;
  readonly #undo: (() => void)[] = [];

  static async in(state: State): Promise<StateHome> {
    const home = new StateHome();
    try {
      await makers[state](home);
      return home;
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  get #held(): string {
    return join(this.home, 'held');
  }

  /** `holdfast start` by somebody else, whose daemon does not get so far as to listen until `letGo`. */
  async startHeld(): Promise<void> {
    const node = join(this.home, 'slow-node');
    writeFileSync(this.#held, '');
    writeFileSync(
      node,
      `#!/bin/sh\n[ "$1" = --version ] || while [ -e '${this.#held}' ]; do sleep 0.1; done\nexec '${process.execPath}' "$@"\n`,
    );
    chmodSync(node, 0o755);
    const starter = spawn(process.execPath, [cli, 'start'], {
      env: { ...process.env, HOLDFAST_HOME: this.home, HOLDFAST_NODE: node },
      stdio: 'ignore',
    });
    this.#undo.push(() => starter.kill('SIGKILL'));
    await until('somebody starts a daemon', () => this.#started().length > 0);
    const pids = this.#started();
    this.pid = pids[0];
    // The note goes with a daemon that somebody else stops meanwhile.
    this.#undo.push(() => pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')));
  }

  letGo(): void {
    rmSync(this.#held, { force: true });
  }

  undo(what: () => void): void {
    this.#undo.push(what);
  }

  #started(): number[] {
    // Noted before it is started, without a process id yet.
    const noted = (readJson(this.paths.starts) ?? []) as { pid: number }[];
    return noted.map(({ pid }) => pid).filter((pid) => pid > 0);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const what of this.#undo) what();
    const pids = [...this.#started(), daemonOf(this.paths.daemonFile)?.pid ?? 0].filter(isAlive);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await super[Symbol.asyncDispose]();
    for (const pid of pids) await until(`daemon ${pid} is gone`, () => !isAlive(pid));
  }
}

async function run(home: StateHome): Promise<DaemonProcess> {
  const daemon = await home.start();
  home.pid = daemon.pid;
  const client = home.client({ app: kept.app });
  for (const id of [kept.session, kept.deleted]) {
    await client.sessions.create({ id });
    await client.sessions.append({ id, messages: [{ role: 'user', content: 'about falcons' }] });
  }
  await client.sessions.delete({ id: kept.deleted });
  for (const name of [kept.feed, kept.renamed]) await client.feeds.put({ name, url: 'https://example.org/' });
  for (const value of [1, { a: 2 }]) await client.config.put({ name: kept.config, value });
  await client.queues.add({ queue: kept.queue, id: 'first', body: { text: 'hello' } });
  await client.auth.put({ profile: kept.profile, kind: 'api-key', apiKey: 'secret-of-work' });
  client.close();
  // A daemon of a test logs to us.
  writeFileSync(home.paths.log, '{"level":30,"time":"now","pid":1,"msg":"ready"}\n', { mode: 0o600 });
  return daemon;
}

const makers: Record<State, (home: StateHome) => Promise<void>> = {
  stopped: async () => undefined,
  killed: async (home) => {
    await (await run(home)).end('SIGKILL');
    home.pid = undefined;
  },
  starting: (home) => home.startHeld(),
  running: async (home) => void (await run(home)),
  wedged: async (home) => {
    (await run(home)).child.kill('SIGSTOP');
  },
  incompatible: async (home) => {
    await (await run(home)).end();
    const tree = new OldTree(oldest);
    home.undo(() => tree[Symbol.dispose]());
    home.pid = (await home.start(tree.daemon)).pid;
  },
  keyless: async (home) => {
    await run(home);
    rmSync(home.paths.rootKey);
  },
};
