import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Ended } from './cli.ts';
import { cli } from './daemon.ts';

/** What systemctl is asked for, and how it answers: enough of it for one unit, in files of $FAKE. */
const systemctl = `#!/bin/sh
[ ! -e "$FAKE/absent" ] || { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
[ "$2" = show ] || echo "systemctl $*" >>"$FAKE/log"
unit="$HOME/.config/systemd/user/holdfast.service"
link="$HOME/.config/systemd/user/default.target.wants/holdfast.service"
case $2 in
  show)
    if [ -e "$FAKE/loaded" ]; then echo LoadState=loaded; echo "FragmentPath=\${FAKE_FRAGMENT:-$unit}"
    else echo LoadState=not-found; echo FragmentPath=; fi
    echo "ActiveState=$(cat "$FAKE/active" 2>/dev/null || echo inactive)"
    if [ -L "$link" ]; then echo UnitFileState=enabled; else echo UnitFileState=disabled; fi
    echo MainPID=0; echo Result=success ;;
  daemon-reload) if [ -e "$unit" ]; then touch "$FAKE/loaded"; else rm -f "$FAKE/loaded"; fi ;;
  enable) mkdir -p "\${link%/*}" && ln -s "$unit" "$link" ;;
  disable) rm -f "$link" && echo inactive >"$FAKE/active" ;;
  start | restart)
    [ ! -e "$FAKE/failing" ] || { echo failed >"$FAKE/active"; echo 'Job for holdfast.service failed.' >&2; exit 1; }
    echo active >"$FAKE/active" ;;
esac
`;

/** The same for launchctl; \`gui\` is missing when $FAKE/no-gui is there, as over ssh. It runs $FAKE/daemon, if that is there. */
const launchctl = `#!/bin/sh
[ "$1" = print ] || echo "launchctl $*" >>"$FAKE/log"
case "$2" in gui/*) [ ! -e "$FAKE/no-gui" ] || { echo 'Domain does not support specified action' >&2; exit 125; } ;; esac
loaded="$FAKE/\${2%%/*}"
case $1 in
  print) [ -e "$loaded" ] && printf '\\tpath = %s\\n\\tstate = running\\n\\tpid = 12\\n' "$(cat "$loaded")" ;;
  bootstrap) echo "$3" >"$loaded" ;;
  bootout) rm "$loaded" ;;
  kickstart) [ -e "$loaded" ] || exit; [ ! -e "$FAKE/daemon" ] || sh "$FAKE/daemon" >/dev/null 2>&1 & ;;
esac
`;

export interface Options {
  env?: NodeJS.ProcessEnv;
  platform?: 'darwin' | 'linux';
}

/** A user's home and service managers that only say what they are asked: nothing of this machine is touched. */
export class ServiceHome implements Disposable {
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-service-')));
  readonly home: string;
  readonly fake = join(this.#folder, 'fake');

  constructor(name = 'home') {
    this.home = join(this.#folder, name);
    for (const folder of [this.home, this.fake, join(this.#folder, 'bin')]) mkdirSync(folder);
    // A home has these two; what is made in them must go.
    for (const folder of ['.config', 'Library']) mkdirSync(join(this.home, folder));
    for (const [tool, script] of Object.entries({ systemctl, launchctl })) {
      writeFileSync(join(this.#folder, 'bin', tool), script);
      chmodSync(join(this.#folder, 'bin', tool), 0o755);
    }
  }

  get unit(): string {
    return join(this.home, '.config', 'systemd', 'user', 'holdfast.service');
  }

  get plist(): string {
    return join(this.home, 'Library', 'LaunchAgents', 'dev.holdfast.daemon.plist');
  }

  environment({ env = {} }: Options = {}): NodeJS.ProcessEnv {
    const path = `${join(this.#folder, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
    const { NODE_COMPILE_CACHE } = process.env;
    return { PATH: path, HOME: this.home, FAKE: this.fake, HOLDFAST_NO_AUTOSTART: '1', NODE_COMPILE_CACHE, ...env };
  }

  /** Runs `node` with arguments, as on that platform. */
  async node(args: string[], options: Options = {}): Promise<Ended> {
    const { platform = 'linux' } = options;
    const as = `data:text/javascript,Object.defineProperty(process, 'platform', { value: '${platform}' })`;
    const child = spawn(process.execPath, ['--import', as, ...args], { env: this.environment(options) });
    child.stdin.end();
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  }

  /** Runs `holdfast service ...`. */
  service(args: string[], options?: Options): Promise<Ended> {
    return this.node([cli, 'service', ...args], options);
  }

  /** A condition of the fake managers: `absent`, `failing`, `no-gui`. */
  set(condition: string, on = true): void {
    if (on) writeFileSync(join(this.fake, condition), '');
    else rmSync(join(this.fake, condition), { force: true });
  }

  /** What the managers were asked to change since the last look. */
  asked(): string[] {
    const log = join(this.fake, 'log');
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    rmSync(log);
    return lines;
  }

  /** Every file, directory and link of the home. */
  tree(): string[] {
    return readdirSync(this.home, { recursive: true, encoding: 'utf8' }).toSorted();
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
