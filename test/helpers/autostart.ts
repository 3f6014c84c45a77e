import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type Client, type ConnectOptions } from '../../client/index.ts';
import { isAlive } from '../../client/start-lock.ts';
import { program, root, TestHome } from './daemon.ts';
import { until } from './wait.ts';

export interface LogLine {
  pid: number;
  msg: string;
  exitCode?: number;
}

/**
 * A home whose daemon is started by clients: while it exists, this process is in it, and may start one. Disposing ends every
 * daemon that its log or its note of starts names.
 */
export class AutostartHome extends TestHome {
  readonly #before: [string, string | undefined][];

  constructor() {
    super();
    this.#before = ['HOLDFAST_HOME', 'HOLDFAST_NO_AUTOSTART'].map((name) => [name, process.env[name]]);
    process.env['HOLDFAST_HOME'] = this.home;
    delete process.env['HOLDFAST_NO_AUTOSTART'];
  }

  /** A client that finds its daemon by itself, as applications do. */
  own(options: Partial<ConnectOptions> = {}): Client {
    return connect({ app: 'test', ...options });
  }

  log(): LogLine[] {
    const lines = read(this.paths.log).split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** Every daemon that was started, also one that ended at once. */
  pids(): number[] {
    return [...new Set(this.log().map(({ pid }) => pid))];
  }

  /** Starts that are noted and not forgotten; none where a test has spoiled the note. */
  starts(): { pid: number }[] {
    try {
      return JSON.parse(read(this.paths.starts)) as { pid: number }[];
    } catch {
      return [];
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, value] of this.#before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    const pids = [...this.pids(), ...this.starts().map(({ pid }) => pid)].filter(isAlive);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    for (const pid of pids) await until(`daemon ${pid} is gone`, () => !isAlive(pid));
    await super[Symbol.asyncDispose]();
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export const clientProcess = program(join(root, 'test', 'crash', 'autostart-process.ts'));

/** Runs a client as a process of its own, by a shell command if one is given; answers the daemon that it found. */
export async function runClient({ home }: TestHome, name: string, shell?: string): Promise<number> {
  const [command, ...args] = shell === undefined ? [process.execPath, clientProcess, name] : ['/bin/sh', '-c', shell];
  const child = spawn(command ?? '', args, {
    env: { ...process.env, HOLDFAST_HOME: home, HOLDFAST_NO_AUTOSTART: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (stdout === '') throw new Error(`the client failed: ${stderr}`);
  return (JSON.parse(stdout) as { pid: number }).pid;
}

/** A Node that begins when the file `go` is there. */
export function slowNode({ home }: TestHome): string {
  const node = join(home, 'slow-node');
  const wait = `while [ -d '${home}' ] && [ ! -e '${home}/go' ]; do sleep 0.02; done`;
  const script = `[ "$1" = --version ] || ${wait}; exec '${process.execPath}' "$@"`;
  writeFileSync(node, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return node;
}
