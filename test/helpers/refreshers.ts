import { join } from 'node:path';
import { root, type TestHome } from './daemon.ts';
import { runProcess, type Worker } from './processes.ts';
import { until } from './wait.ts';
import type { Order, Report } from '../crash/refresh-process.ts';

const module = join(root, 'test', 'crash', 'refresh-process.ts');

/** What an order came to; `killed` when its process ended first. */
export type Outcome = { token: string } | { error: string; message: string } | { killed: true };
type Step = Extract<Report, { at: string }>;

/** A process that gets tokens as an application does. */
export class Refresher {
  readonly #worker: Worker<Report>;
  readonly #reports: Report[] = [];
  readonly #ended: Promise<{ killed: true }>;

  constructor(home: TestHome) {
    this.#worker = runProcess<Report>(module, [], { HOLDFAST_HOME: home.home });
    this.#worker.child.on('message', (report: Report) => this.#reports.push(report));
    this.#ended = this.#worker.done.then(
      () => ({ killed: true }),
      () => ({ killed: true }),
    );
  }

  get pid(): number {
    return this.#worker.child.pid ?? 0;
  }
  get ready(): boolean {
    return this.#reports.length > 0;
  }
  /** What it went through since its last order. */
  get steps(): Step[] {
    return this.#reports.filter((report) => 'at' in report);
  }

  /** Gives an order; answers what it came to. */
  async order(order: Order): Promise<Outcome> {
    this.#reports.length = 0;
    this.#worker.child.send(order);
    const told = until(
      'the order is carried out',
      () => this.#reports.find((report) => 'token' in report || 'error' in report),
      60_000,
    );
    return Promise.race([told as Promise<Outcome>, this.#ended]);
  }

  /** Resolves when it has come so far; answers what it was told then. */
  at(step: Step['at']): Promise<Step> {
    return until(`a process is ${step}`, () => this.steps.find(({ at }) => at === step), 30_000);
  }

  signal(signal: NodeJS.Signals): void {
    this.#worker.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }
}

/** So many of them, ready to take orders. */
export class Refreshers implements AsyncDisposable {
  readonly all: Refresher[] = [];

  static async start(home: TestHome, count: number): Promise<Refreshers> {
    const started = new Refreshers();
    for (let n = 0; n < count; n++) started.all.push(new Refresher(home));
    await until('all processes are ready', () => started.all.every(({ ready }) => ready), 60_000);
    return started;
  }

  /** Gives the same order to all at once. */
  order(order: Order): Promise<Outcome[]> {
    return Promise.all(this.all.map((one) => one.order(order)));
  }

  /** Those that were given the right to refresh since their last order. */
  get granted(): Refresher[] {
    return this.all.filter(({ steps }) => steps.some(({ at }) => at === 'before'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((one) => one.kill()));
  }
}

/** The different results, so that twenty equal ones are one. */
export const distinct = (outcomes: Outcome[]): unknown[] =>
  [...new Set(outcomes.map((outcome) => JSON.stringify(outcome)))].map((text) => JSON.parse(text) as unknown);
