import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Ended } from './cli.ts';
import { root } from './daemon.ts';
import { until } from './wait.ts';

const uid = 4_242;
const user = 'holdfast-test';

/**
 * A real `systemd --user`, of a user that exists only here, with a home of its own. It runs in a mount namespace that looks
 * like a machine that was started by systemd, on control groups of its own. Needs root; leaves nothing behind.
 */
export class UserSystemd implements AsyncDisposable {
  readonly home = mkdtempSync(join(tmpdir(), 'holdfast user-'));
  readonly #groups: string;
  readonly #environment: NodeJS.ProcessEnv;
  #keeper: ChildProcess | undefined;
  #manager: ChildProcess | undefined;

  private constructor() {
    const folders = [this.home, join(this.home, '.config')];
    // A home has this one; what is made in it must go.
    mkdirSync(folders[1] ?? '');
    for (const folder of folders) chownSync(folder, uid, uid);
    const [, mount = '/sys/fs/cgroup'] = /^cgroup2 (\S+) /m.exec(readFileSync('/proc/self/mounts', 'utf8')) ?? [];
    this.#groups = mkdtempSync(join(mount, 'holdfast-test-'));
    chmodSync(this.#groups, 0o755);
    this.#environment = {
      HOME: this.home,
      USER: user,
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      XDG_RUNTIME_DIR: `/run/user/${uid}`,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=/run/user/${uid}/bus`,
    };
  }

  static async open(): Promise<UserSystemd> {
    const machine = new UserSystemd();
    await machine.#boot();
    await machine.logIn();
    return machine;
  }

  async #boot(): Promise<void> {
    const passwd = `${this.home}/passwd`;
    const account = `${user}:x:${uid}:${uid}::${this.home}:/bin/sh`;
    writeFileSync(passwd, `${readFileSync('/etc/passwd', 'utf8').trim()}\n${account}\n`);
    // It ends with its input: also when this process is killed.
    const script = `set -e
      mount --make-rprivate /
      mount --bind '${passwd}' /etc/passwd
      umount -R /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
      mkdir /sys/fs/cgroup/user
      chown -R ${uid} /sys/fs/cgroup/user /sys/fs/cgroup/cgroup.procs
      mount -t tmpfs -o mode=755 tmpfs /run
      mkdir -p /run/systemd/system /run/user/${uid}
      chown ${uid} /run/user/${uid}
      chmod 700 /run/user/${uid}
      echo ready
      cat >/dev/null`;
    const enter = 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --cgroup sh -c "$1"';
    this.#keeper = spawn('sh', ['-c', enter, this.#groups, script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(this.#keeper, 'exit').then(() => Promise.reject(new Error('the namespace could not be made')));
    await Promise.race([once(this.#keeper.stdout ?? this.#keeper, 'data'), failed]);
    failed.catch(() => undefined);
  }

  /** Starts the user's manager, as the first login does. */
  async logIn(): Promise<void> {
    const enter = 'echo $$ >/sys/fs/cgroup/user/cgroup.procs && exec "$@"';
    const [file = '', ...rest] = this.#inside(['/lib/systemd/systemd', '--user'], ['sh', '-c', enter, 'sh']);
    this.#manager = spawn(file, rest, { env: this.#environment, stdio: 'ignore' });
    await until('the manager is up', async () => {
      const { stdout } = await this.systemctl('is-system-running');

      return /running|degraded/.test(stdout);
    });
  }

  /** Ends the user's manager, as the last logout does. */
  async logOut(): Promise<void> {
    const exited = this.#manager && once(this.#manager, 'exit');
    await this.systemctl('exit');
    await exited;
    this.#manager = undefined;
  }

  /** Runs a command as the user. */
  run(...command: string[]): Promise<Ended> {
    return this.#run(command);
  }

  #run(command: string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const [file = '', ...rest] = this.#inside(command);
    return new Promise((resolve) => {
      execFile(file, rest, { env: { ...this.#environment, ...environment }, cwd: '/' }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  }

  holdfast(args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.#run([process.execPath, join(root, 'client', 'cli', 'main.ts'), ...args], environment);
  }

  systemctl(...args: string[]): Promise<Ended> {
    return this.run('systemctl', '--user', ...args);
  }

  /** One property of the service, as systemd tells it. */
  async property(name: string): Promise<string> {
    return (await this.systemctl('show', '--value', `--property=${name}`, 'holdfast')).stdout.trim();
  }

  /** Its process id; never 0, which would be ourselves to a signal. */
  async pid(): Promise<number | undefined> {
    return Number(await this.property('MainPID')) || undefined;
  }

  #inside(command: string[], before: string[] = []): string[] {
    const identity = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
    return [
      'nsenter',
      `--target=${this.#keeper?.pid}`,
      '--mount',
      '--cgroup',
      '--',
      ...before,
      ...identity,
      ...command,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#manager) await this.logOut();
    const exited = this.#keeper && once(this.#keeper, 'exit');
    this.#keeper?.stdin?.end();
    await exited;
    rmSync(`/tmp/holdfast-${uid}`, { recursive: true, force: true });
    rmSync(this.home, { recursive: true, force: true });
    await until('its control groups are empty', () => {
      for (const group of ['user/init.scope', 'user', '']) {
        const path = join(this.#groups, group);
        if (existsSync(path)) execFile('rmdir', [path], () => undefined);
      }
      return !existsSync(this.#groups);
    });
  }
}
