import { createHash } from 'node:crypto';
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';

/** Longest path of a Unix socket in bytes: sun_path of macOS is the shorter, 104 with its terminator. */
const maxSocketPath = 103;

export interface Paths {
  /** Where the rest was derived from. */
  home: string;
  data: string;
  config: string;
  state: string;
  database: string;
  ownerLock: string;
  /** What wraps the keys that seal secrets: apart from the data, so that a copy of the data alone is of no use. */
  rootKey: string;
  socket: string;
  /** The restricted one: the only one to allow in a sandbox. */
  agentSocket: string;
  /** What the running daemon says of itself; a hint for people, never proof of life. */
  daemonFile: string;
  lastError: string;
  /** Which Node the daemon last ran on, when clients started one lately, and the log of one that they started. */
  lastStart: string;
  starts: string;
  /** When a client last asked an older daemon to make place. */
  upgrade: string;
  log: string;
}

/**
 * Every path of holdfast. They depend on home and uid only: XDG_RUNTIME_DIR and TMPDIR differ between login, ssh
 * and launchd, and two answers here would be two daemons. HOLDFAST_HOME moves everything.
 */
export function paths(environment: NodeJS.ProcessEnv = process.env): Paths {
  const own = environment['HOLDFAST_HOME'] ? real(resolve(environment['HOLDFAST_HOME'])) : undefined;
  const home = own ?? real(userHome(environment['HOME'] ?? ''));
  const mac = join(home, 'Library', 'Application Support', 'holdfast');
  const place = (name: string, xdg: string) =>
    own !== undefined ? join(own, name) : process.platform === 'darwin' ? join(mac, name) : join(home, xdg, 'holdfast');
  const data = place('data', '.local/share');
  const state = place('state', '.local/state');
  const config = place('config', '.config');
  return {
    home,
    data,
    config,
    state,
    database: join(data, 'holdfast.db'),
    ownerLock: join(data, 'owner.lock'),
    rootKey: join(config, 'root.key'),
    ...socketPaths(state),
    daemonFile: join(state, 'daemon.json'),
    lastError: join(state, 'last-error.json'),
    lastStart: join(state, 'last-start.json'),
    starts: join(state, 'starts.json'),
    upgrade: join(state, 'upgrade.json'),
    log: join(state, 'holdfast.log'),
  };
}

/** Who we are. A container may run us by a number that the password database does not know: then $HOME is all there is. */
export function user(home = process.env['HOME'] ?? ''): { uid: number; homedir: string } {
  try {
    return userInfo();
  } catch {
    return { uid: process.getuid?.() ?? 0, homedir: isAbsolute(home) ? home : '/' };
  }
}

/** $HOME when it exists and is ours (sudo keeps another user's), else what the password database says. */
function userHome(home: string): string {
  const { uid, homedir: registered } = user(home);
  return isAbsolute(home) && ownerOf(home) === uid ? home : registered;
}

/** The path without links, as far as it exists: two names of one home must not be two sockets. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}

/**
 * Why a socket in /tmp must not be used, undefined when it may: there anybody can be first. The daemon makes the
 * directory private; until it has, there is nothing to connect to.
 */
export function untrusted(socket: string): string | undefined {
  // Asked before every call: nothing may be looked up for a socket that lies elsewhere.
  if (!socket.startsWith(shortPrefix)) return undefined;
  const directory = dirname(socket);
  if (directory !== shortDirectory()) return undefined;
  const found = lstatSync(directory, { throwIfNoEntry: false });
  const ours = found?.isDirectory() && found.uid === user().uid && (found.mode & 0o077) === 0;
  return !found || ours ? undefined : `${directory} is not a private directory of yours: remove it`;
}

const shortPrefix = '/tmp/holdfast-';
const shortDirectory = () => `${shortPrefix}${user().uid}`;

/** The sockets live beside the state unless the kernel's limit forbids it; then in a checked directory of /tmp. */
function socketPaths(state: string): Pick<Paths, 'socket' | 'agentSocket'> {
  const path = join(state, 'holdfast.sock');
  // The restricted one's is shorter, and it lies beside the other wherever that is.
  if (Buffer.byteLength(path) <= maxSocketPath) return { socket: path, agentSocket: join(state, 'agent.sock') };
  const short = join(shortDirectory(), createHash('sha256').update(path).digest('hex').slice(0, 16));
  return { socket: `${short}.sock`, agentSocket: `${short}.agent.sock` };
}
