import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Issuer } from '../helpers/issuer.ts';
import { runProcess, type Worker } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';
import type { AgentReport } from './agent.ts';

const module = join(import.meta.dirname, 'agent.ts');
export const agentCount = 4;
/** How long an access token lasts, in seconds: the shortest that an issuer can say. */
export const tokenSeconds = 1;

/** What became of the login that the agents share. */
export interface LoginTally {
  refreshes: number;
  /** How often a refresh token came that had been used already: the issuer ends the login then. */
  reused: number;
  loggedOut: number;
}

/** Processes that share one login at an issuer. Nothing kills them: a token whose receiver dies is lost to everyone. */
export class Agents implements AsyncDisposable {
  readonly errors: string[] = [];
  readonly #issuer: Issuer;
  readonly #workers: Worker<AgentReport>[] = [];
  #ready = 0;
  #loggedOut = 0;

  constructor(issuer: Issuer) {
    this.#issuer = issuer;
    issuer.expiresIn = tokenSeconds;
  }

  get tally(): LoginTally {
    const { refreshes, reused } = this.#issuer;
    return { refreshes, reused: reused.length, loggedOut: this.#loggedOut };
  }

  /** Starts all; resolves when all wait for `go`. */
  async start(kind: 'holdfast' | 'files', place: string, env: NodeJS.ProcessEnv): Promise<void> {
    for (let n = 0; n < agentCount; n++) {
      const worker = runProcess<AgentReport>(module, [kind, place, this.#issuer.url], env);
      worker.child.on('message', (message) => this.#receive(message as AgentReport));
      worker.done.catch((error: Error) => this.errors.push(error.message));
      this.#workers.push(worker);
    }
    await until('the agents start', () => this.#ready + this.errors.length >= agentCount, 30_000);
  }

  #receive(report: AgentReport): void {
    if ('ready' in report) this.#ready += 1;
    else if ('error' in report) this.errors.push(report.error);
    else if (report.loggedOut) this.#loggedOut += 1;
  }

  /** Lets all begin at once, as those do whose access token ended while the laptop slept. */
  go(): void {
    this.#tell('go');
  }

  /** Lets each make a last call, and waits until all have ended. */
  async finish(patienceMs: number): Promise<void> {
    this.#tell('stop');
    const ended = Promise.allSettled(this.#workers.map(({ done }) => done)).then(() => true);
    if (!(await Promise.race([ended, sleep(patienceMs, false, { ref: false })])))
      this.errors.push('an agent did not end');
    await this[Symbol.asyncDispose]();
  }

  #tell(what: 'go' | 'stop'): void {
    // One that is logged out has ended already.
    for (const { child } of this.#workers) if (child.connected) child.send(what, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#workers) child.kill('SIGKILL');
    await Promise.allSettled(this.#workers.map(({ done }) => done));
  }
}
