import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { root } from './daemon.ts';

const run = promisify(execFile);

/**
 * A mount namespace of its own, with what a shell script mounts in it: nothing is mounted for anybody else, and
 * nothing is left when it ends. It needs no root where users may make namespaces.
 */
export class MountNamespace implements AsyncDisposable {
  readonly #keeper: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(setUp: string, tearDown: string) {
    // It ends with its input: also when this process is killed.
    const script = `set -e\n${setUp}\necho mounted\ncat >/dev/null\n${tearDown}`;
    this.#keeper = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#keeper, 'exit');
  }

  static async open(setUp: string, tearDown = ''): Promise<MountNamespace> {
    const namespace = new MountNamespace(setUp, tearDown);
    const mounted = once(namespace.#keeper.stdout ?? namespace.#keeper, 'data');
    const failed = namespace.#exited.then(() => Promise.reject(new Error(`the mounts failed: ${setUp}`)));
    await Promise.race([mounted, failed]);
    return namespace;
  }

  /** For `home.start({ wrapper })`: the daemon runs inside, with the process id that the test sees. */
  get wrapper(): string[] {
    return ['nsenter', `--target=${this.#keeper.pid}`, '--user', '--mount', '--preserve-credentials', '--'];
  }

  /** Runs a command inside. */
  async run(...command: string[]): Promise<string> {
    const [file = '', ...rest] = [...this.wrapper, ...command];
    return (await run(file, rest)).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#exited;
  }
}

/** A folder of its own size in memory. */
export const tmpfs = (folder: string, size: string) =>
  MountNamespace.open(`mount -t tmpfs -o size=${size},mode=0700 tmpfs '${folder}'`);

/** A /tmp with nothing in it but the checkout, where that lies there. */
export const emptyTmp = () =>
  MountNamespace.open(
    `mount --bind '${root}' /mnt
     mount -t tmpfs -o size=64m,mode=0700 tmpfs /tmp
     mkdir -p '${root}'
     mount --bind /mnt '${root}'`,
  );

/** A folder shown in another place by FUSE, whose file system says that its type is `subtype`. */
export const fuse = (from: string, to: string, options: string[]) =>
  MountNamespace.open(
    `bindfs -f ${options.join(' ')} '${from}' '${to}' & server=$!
     until grep -q ' ${to} .* fuse' /proc/self/mountinfo; do kill -0 $server; sleep 0.02; done`,
    `umount -l '${to}'; wait`,
  );
