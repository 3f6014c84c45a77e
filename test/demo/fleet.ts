import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kind, Report } from './storage.ts';

const module = join(import.meta.dirname, 'cli.ts');
export const fleetSize = 8;

/** One of the eight CLIs; when its process is killed, the next one takes its place. */
export interface Cli {
  child: ChildProcess;
  state: 'starting' | 'running' | 'suspended';
  lives: number;
  /** It was suspended during the write that it reports next: that one's time says nothing. */
  woken: boolean;
  acknowledged: number;
  recording: string;
  line: number;
  of: number;
}

/** Eight CLI processes and what they were told is saved. */
export class Fleet implements AsyncDisposable {
  readonly clis: Cli[] = [];
  readonly acknowledged: Record<Kind, string[]> = { messages: [], feeds: [] };
  readonly errors: string[] = [];
  longestMs = 0;
  kills = 0;
  readonly #args: [kind: string, place: string];
  readonly #env: NodeJS.ProcessEnv;
  readonly #ended = new Set<Promise<void>>();
  #ending = false;

  constructor(kind: 'holdfast' | 'files', place: string, env: NodeJS.ProcessEnv = {}) {
    this.#args = [kind, place];
    this.#env = { ...process.env, ...env };
  }

  get total(): number {
    return this.acknowledged.messages.length + this.acknowledged.feeds.length;
  }

  /** Starts all; resolves when all run. */
  async start(): Promise<void> {
    for (let number = 0; number < fleetSize; number++) {
      const fresh = { lives: 0, woken: false, acknowledged: 0, recording: '', line: 0, of: 0 };
      const cli: Cli = { ...fresh, state: 'starting', child: this.#fork(number, 1) };
      this.clis.push(cli);
      this.#attend(cli, number);
    }
    while (this.clis.some(({ state }) => state === 'starting')) {
      if (this.errors.length >= fleetSize) throw new Error(`the CLIs do not start: ${this.errors[0]}`);
      await sleep(10);
    }
  }

  #fork(number: number, life: number): ChildProcess {
    const args = [...this.#args, String(number), `cli-${number + 1}.${life}`];
    return fork(module, args, { env: this.#env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  #attend(cli: Cli, number: number): void {
    const { child } = cli;
    cli.lives += 1;
    child.on('message', (message) => this.#receive(cli, message as Report));
    child.on('error', (error) => this.errors.push(error.message));
    // What it reported before its end is still read: the end of the channel comes last.
    const drained = new Promise<void>((resolve) => child.once('disconnect', resolve));
    const exited = new Promise<void>((resolve) =>
      child.once('exit', (code, signal) => {
        resolve();
        if (this.#ending) return;
        if (signal !== 'SIGKILL') this.errors.push(`CLI ${number + 1} ended by itself (${code ?? signal})`);
        cli.state = 'starting';
        cli.child = this.#fork(number, cli.lives + 1);
        this.#attend(cli, number);
      }),
    );
    this.#ended.add(Promise.all([drained, exited]).then(() => undefined));
  }

  #receive(cli: Cli, report: Report): void {
    if ('ready' in report) cli.state = 'running';
    else if ('error' in report) this.errors.push(report.error);
    else {
      const { acknowledged, kind, ms, recording, line, of } = report;
      this.acknowledged[kind].push(acknowledged);
      if (!cli.woken) this.longestMs = Math.max(this.longestMs, ms);
      cli.woken = false;
      cli.acknowledged += 1;
      Object.assign(cli, { recording, line, of });
    }
  }

  /** Kills one that runs, at random, as a crash or a closed terminal does. */
  kill(): void {
    const running = this.clis.filter(({ state }) => state === 'running');
    const victim = running[Math.floor(Math.random() * running.length)];
    if (victim?.child.kill('SIGKILL')) this.kills += 1;
  }

  /** Stops one where it stands, as Ctrl-Z or a sleeping machine does; answers what wakes it. */
  suspend(cli: Cli): () => void {
    const { child } = cli;
    child.kill('SIGSTOP');
    cli.state = 'suspended';
    cli.woken = true;
    return () => {
      child.kill('SIGCONT');
      if (cli.child === child) cli.state = 'running';
    };
  }

  /** Lets each finish the write it is at, and waits until all have ended. */
  async finish(patienceMs: number): Promise<void> {
    this.#ending = true;
    for (const { child } of this.clis) {
      // It may have died a moment ago; that is no error.
      if (child.connected) child.send('stop', () => undefined);
    }
    await Promise.race([Promise.all(this.#ended), sleep(patienceMs, undefined, { ref: false })]);
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    for (const { child } of this.clis) child.kill('SIGKILL');
    await Promise.all(this.#ended);
  }
}
