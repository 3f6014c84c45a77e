import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../shared/errors.ts';
import { paths, type Paths } from '../shared/paths.ts';
import { tryStartLock } from './start-lock.ts';

/** The daemon's oldest Node. */
const oldestNode = 26;
/** Starts that may fail in so many milliseconds before a person is asked to look. */
const maxStarts = 3;
const startsWithinMs = 10 * 60_000;
/** How long a daemon may take to listen: it may have a large database to check. */
const startMs = 60_000;
const lookMs = 25;

/**
 * Starts the daemon of this user unless it listens; resolves when it does. Invariant: of many clients that find none, the one
 * that holds the start lock starts one, and the others wait for it. Nothing is ever killed.
 */
export async function ensureDaemon(signal: AbortSignal): Promise<void> {
  const own = paths();
  for (;;) {
    if (await listens(own.socket)) return;
    const release = await tryStartLock(own.state);
    try {
      // Whoever held the lock before may have been faster.
      if (release && !(await listens(own.socket))) return await start(own, signal);
    } finally {
      await release?.();
    }
    await sleep(lookMs, undefined, { signal });
  }
}

/** The same for a client that found none; answers why nothing was done, if its user starts the daemon himself. */
export async function autostart(signal: AbortSignal): Promise<string> {
  if (process.env['HOLDFAST_NO_AUTOSTART']) return 'HOLDFAST_NO_AUTOSTART is set, so it was not started';
  await ensureDaemon(signal);
  return '';
}

/** Whether somebody accepts connections there; one whose queue is full does. */
function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const answer = (up: boolean) => {
      probe.destroy();
      resolve(up);
    };
    probe.once('connect', () => answer(true));
    probe.once('error', ({ code }: NodeJS.ErrnoException) => answer(code === 'EAGAIN'));
  });
}

async function start(own: Paths, signal: AbortSignal): Promise<void> {
  countStart(own);
  const [node, entry] = [findNode(own), findEntry()];
  const child = spawn(node, [entry], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    env: { ...process.env, HOLDFAST_LOG_FILE: own.log },
  });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(69));
    child.once('exit', (code) => resolve(code ?? 69));
  });
  child.unref();
  let code: number | undefined;
  void ended.then((ends) => (code = ends));
  for (const deadline = Date.now() + startMs; Date.now() < deadline;) {
    if (await listens(own.socket)) return;
    // 75: another one owns the data, and is about to listen or about to end.
    if (code !== undefined && code !== 75) throw notStarted(own, code);
    await sleep(lookMs, undefined, { signal });
  }
  throw unavailable(`the daemon (pid ${child.pid}) does not listen yet`, `look at ${own.log}`);
}

/** Notes a start; refuses one more when the last ones did not last. A daemon that stops as asked removes the note. */
function countStart({ state, starts, log }: Paths): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const now = Date.now();
  const recent = ((readJson(starts) ?? []) as number[]).filter((at) => at <= now && now - at < startsWithinMs);
  if (recent.length >= maxStarts) {
    const often = `it was started ${recent.length} times in ten minutes and did not last`;
    throw unavailable(often, `look at ${log}, then run 'holdfast start'`);
  }
  writeFileSync(starts, JSON.stringify([...recent, now]), { mode: 0o600 });
}

function notStarted({ lastError, log }: Paths, code: number): HoldfastError {
  const said =
    (readJson(lastError) as { message: string } | undefined)?.message ?? `The daemon ended with exit code ${code}.`;
  return unavailable(`it was started and ended: ${said}`, code === 78 ? 'mend that' : `look at ${log}`);
}

/** What a file of ours holds; undefined when it cannot be read. */
function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const unavailable = (why: string, hint: string) =>
  new HoldfastError('unavailable', `holdfast is not running: ${why}. To mend it, ${hint}.`);

/** By its installed path: a shebang or npx would find another Node, or none at login. */
function findEntry(): string {
  const folder = join(import.meta.dirname, '..', 'daemon');
  return [join(folder, 'holdfastd.js'), join(folder, 'main.ts')].find(existsSync) ?? join(folder, 'holdfastd.js');
}

/** A Node that is new enough: the one named, the last one that worked, our own, the one on the path. */
function findNode({ lastStart }: Paths): string {
  const named = process.env['HOLDFAST_NODE'];
  const candidates = named
    ? [named]
    : [(readJson(lastStart) as { node: string } | undefined)?.node, process.execPath, 'node'];
  const found = candidates.find((node) => node !== undefined && versionOf(node) >= oldestNode);
  if (found !== undefined) return found;
  const detail =
    `The daemon needs Node ${oldestNode} or newer, and ${named ?? process.execPath} is Node ${versionOf(named ?? 'node') || 'none'}. ` +
    'Install one, then set HOLDFAST_NODE to its path.';
  throw new HoldfastError('node_too_old', detail);
}

/** The major version of a Node, 0 when it is none. */
function versionOf(node: string): number {
  if (node === process.execPath && process.versions['bun'] === undefined) return Number.parseInt(process.versions.node);
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? 0);
}
