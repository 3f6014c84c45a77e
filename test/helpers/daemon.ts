import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { connect, type Client, type ConnectOptions } from '../../client/index.ts';
import { paths, type Paths } from '../../shared/paths.ts';

export const root = join(import.meta.dirname, '..', '..');

/** The file by which to run a module: the one that was built before the tests (see prebuild.ts), or else its source. */
export function program(module: string): string {
  const folder = process.env['HOLDFAST_TEST_BUILT'];
  if (!folder) return module;
  const built = join(folder, relative(root, module).replace(/\.ts$/, '.js'));
  return existsSync(built) ? built : module;
}
const mainModule = program(join(root, 'daemon', 'main.ts'));
/** The command line. */
export const cli = program(join(root, 'client', 'cli', 'main.ts'));

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A daemon as its own process, on a real socket. */
export class DaemonProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Log lines so far, parsed. */
  readonly log: Record<string, unknown>[] = [];
  stderr = '';
  readonly #ready = Promise.withResolvers<void>();

  constructor(home: string, { env = {}, wrapper = [] }: SpawnOptions = {}) {
    const [command, ...rest] = [...wrapper, process.execPath];
    this.child = spawn(command, [...rest, mainModule], {
      env: { ...process.env, HOLDFAST_HOME: home, HOLDFAST_LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let partial = '';
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (partial + chunk.toString()).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines) {
        const entry = JSON.parse(line) as Record<string, unknown>;
        this.log.push(entry);
        if (entry['msg'] === 'ready') this.#ready.resolve();
      }
    });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = new Promise((resolve) => this.child.once('close', (code, signal) => resolve({ code, signal })));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves when it listens; rejects when it ended instead. */
  async ready(): Promise<this> {
    const ended = this.exited.then(({ code }) =>
      Promise.reject(new Error(`daemon ended with ${code}: ${this.stderr}`)),
    );
    await Promise.race([this.#ready.promise, ended]);
    return this;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exited;
  }
}

export interface SpawnOptions {
  env?: NodeJS.ProcessEnv;
  /** A command that runs the daemon, such as ['strace', ...]. */
  wrapper?: string[];
}

/** A temporary home with what runs in it; disposing ends the daemons and removes the home. */
export class TestHome implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  readonly paths: Paths = paths({ HOLDFAST_HOME: this.home });
  readonly #daemons: DaemonProcess[] = [];
  readonly #clients: Client[] = [];

  /** Starts a daemon without waiting for it. */
  spawn(options?: SpawnOptions): DaemonProcess {
    const daemon = new DaemonProcess(this.home, options);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Starts a daemon and waits until it listens. */
  start(options?: SpawnOptions): Promise<DaemonProcess> {
    return this.spawn(options).ready();
  }

  client(options: Partial<ConnectOptions> = {}): Client {
    const client = connect({ app: 'test', socket: this.paths.socket, ...options });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#daemons.map((daemon) => daemon.end('SIGKILL')));
    rmSync(this.home, { recursive: true, force: true });
  }
}
