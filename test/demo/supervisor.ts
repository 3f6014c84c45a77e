import { setTimeout as sleep } from 'node:timers/promises';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';

/** Keeps a daemon running in a temporary home, as a service manager does: when it ends, the next starts at once. */
export class Supervisor implements AsyncDisposable {
  readonly home = new TestHome();
  kills = 0;
  running = false;
  /** Ends that nobody asked for. */
  readonly surprises: string[] = [];
  #daemon: DaemonProcess | undefined;
  #ending = false;
  #done: Promise<void> | undefined;

  /** Starts it; resolves when it listens. */
  async start(env: NodeJS.ProcessEnv): Promise<void> {
    // One orderly life first: a process that is killed leaves no compiled code for the next one's start.
    const first = await this.home.start({ env });
    await first.end('SIGTERM');
    this.#done = this.#keep(env);
    await this.ready();
  }

  async #keep(env: NodeJS.ProcessEnv): Promise<void> {
    while (!this.#ending) {
      this.#daemon = this.home.spawn({ env });
      this.running = await this.#daemon.ready().then(
        () => true,
        () => false,
      );
      const { code, signal } = await this.#daemon.exited;
      this.running = false;
      if (signal === 'SIGKILL' || this.#ending) continue;
      this.surprises.push(`the daemon ended with ${code ?? signal}: ${this.#daemon.stderr.trim()}`);
      await sleep(100);
    }
  }

  /** Resolves when it listens; throws when it ends by itself again and again. */
  async ready(): Promise<void> {
    while (!this.running) {
      if (this.surprises.length >= 10) throw new Error(this.surprises[0]);
      await sleep(5);
    }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.kills += 1;
    this.running = false;
    await this.#daemon?.end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await this.#daemon?.end('SIGKILL');
    await this.#done;
    await this.home[Symbol.asyncDispose]();
  }
}
