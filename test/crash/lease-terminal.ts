import { join } from 'node:path';
import type { TestHome } from '../helpers/daemon.ts';
import { runProcess, type Worker } from '../helpers/processes.ts';
import { until } from '../helpers/wait.ts';
import type { Report } from './lease-process.ts';

/** A process that holds the lease of a session and writes to it: see lease-process.ts. Disposing ends it. */
export class Terminal implements AsyncDisposable {
  readonly reports: Report[] = [];
  readonly ended: Promise<unknown>;
  readonly #worker: Worker<Report>;

  constructor(home: TestHome, { id, owner, ttlMs }: { id: string; owner: string; ttlMs: number }) {
    const module = join(import.meta.dirname, 'lease-process.ts');
    this.#worker = runProcess<Report>(module, [id, owner, String(ttlMs)], { HOLDFAST_HOME: home.home });
    this.#worker.child.on('message', (report: Report) => this.reports.push(report));
    // Also when it fails or is killed: its reports say what it did.
    this.ended = this.#worker.done.catch((error: unknown) => error);
  }

  get pid(): number {
    return this.#worker.child.pid ?? 0;
  }

  /** The seq of each write that it was told is stored. */
  get acknowledged(): number[] {
    return this.reports.flatMap((report) => ('seq' in report ? [report.seq] : []));
  }

  /** Why it ended. */
  get refusal() {
    return this.reports.find((report) => 'refused' in report);
  }

  /** Its token, once it has it and has written. */
  async writing(): Promise<string> {
    await until('the terminal writes', () => this.acknowledged.length > 3 || this.refusal, 30_000);
    const [first] = this.reports;
    return first && 'token' in first ? first.token : '';
  }

  /** Waits until it has written more. */
  async goesOn(): Promise<void> {
    const before = this.acknowledged.length;
    await until('the terminal goes on', () => this.acknowledged.length > before + 3);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.child.kill('SIGKILL');
    await this.ended;
  }
}
