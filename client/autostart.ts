import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../shared/errors.ts';
import { paths, type Paths } from '../shared/paths.ts';
import { lastErrorOf, lastNodeOf, readJson, writeJson } from './daemon-files.ts';
import { listens } from './listens.ts';
import { daemonEntry, majorOf, oldestNode } from './program.ts';
import { startByManager } from './service-manager.ts';
import { isAlive, tryStartLock } from './start-lock.ts';

/** Starts that may fail in so many milliseconds before a person is asked to look. */
export const maxStarts = 3;
const startsWithinMs = 10 * 60_000;
/** How long a daemon may take to listen: it may have a large database to check. */
const startMs = 60_000;
const lookMs = 25;
/** How long the owner of the data, which does not listen, has before somebody looks again. */
const ownerMs = 1_000;

/**
 * Starts the daemon of this user unless it listens; resolves when it does. Invariant: of many clients that find none, the one
 * that holds the start lock starts one, and the others wait for it. Nothing is ever killed. `asked`: a person wants it,
 * however often it failed before.
 */
export async function ensureDaemon(signal: AbortSignal, asked = true): Promise<void> {
  const own = paths();
  try {
    while (!(await listens(own.socket))) {
      const release = tryStartLock(own.state);
      try {
        // Whoever held the lock before may have been faster.
        if (release && !(await listens(own.socket))) await start(own, signal, asked);
      } finally {
        release?.();
      }
      await sleep(lookMs, undefined, { signal });
    }
  } catch (error) {
    if (error instanceof HoldfastError || signal.aborted) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    const hint = isFull ? `make room on the disk that holds ${own.state}` : `make ${own.state} writable`;
    throw unavailable(`it cannot be started (${message})`, hint);
  }
}

/**
 * The same for a client that found none at `socket`; answers why nothing was done, if its user starts the daemon himself.
 * Where ours would not listen there, it would be one of another store.
 */
export async function autostart(signal: AbortSignal, socket?: string): Promise<string> {
  if (process.env['HOLDFAST_NO_AUTOSTART']) return 'HOLDFAST_NO_AUTOSTART is set, so it was not started';
  if (socket !== undefined && paths().socket !== socket) {
    const why = `the paths of this process have changed since it connected: ${socket} was its socket, and would be ${paths().socket}`;
    throw unavailable(why, 'set HOLDFAST_HOME to an absolute path, and change neither that nor HOME after connect()');
  }
  await ensureDaemon(signal, false);
  return '';
}

/**
 * Starts ours when the daemon that was asked to make place is gone. Until then the caller's start lock is held, which
 * `release` gives back: an older client that was faster would start the old one again. What fails is told by the next call.
 */
export async function takePlace(release: () => void, signal: AbortSignal): Promise<void> {
  const own = paths();
  try {
    // A process that has nothing else to do may end meanwhile, and leaves the start to the next.
    while (await listens(own.socket)) await sleep(lookMs, undefined, { signal, ref: false });
    while (!(await listens(own.socket))) await start(own, signal, false);
  } catch {
    // It did not go, or ours cannot run.
  } finally {
    release();
  }
}

interface Start {
  at: number;
  pid: number;
}

/** Starts one, or waits for one whose client did not wait; returns when it listens, or when it is time to look again. */
async function start(own: Paths, signal: AbortSignal, asked: boolean): Promise<void> {
  const starts = recentStarts(own);
  const last = starts.at(-1);
  const underWay = last && Date.now() - last.at < startMs && isAlive(last.pid);
  // By its service, if this home has one: a second daemon beside it would only be in its way.
  const since = Date.now();
  if (!underWay && (await startByManager(process.env, signal))) return untilListens(own, since, signal);
  const { at, pid, code } = underWay ? { ...last, code: () => undefined } : launch(own, starts, asked);
  for (const begun = performance.now(); performance.now() - begun < startMs;) {
    if (await listens(own.socket)) return;
    const ended = code();
    if (ended === 75) {
      // Another one owns the data, and is about to listen or to end: this was no start.
      writeJson(own.starts, starts);
      await sleep(ownerMs, undefined, { signal });
      return;
    }
    if (ended !== undefined) throw notStarted(own, at, ended);
    // Of our own child the code comes.
    if (underWay && !isAlive(pid)) return;
    await sleep(lookMs, undefined, { signal });
  }
  throw unavailable(`the daemon (pid ${pid}) does not listen yet`, `look at ${own.log}`);
}

/** Waits for a daemon that its service manager looks after. */
async function untilListens(own: Paths, since: number, signal: AbortSignal): Promise<void> {
  for (
    const begun = performance.now();
    performance.now() - begun < startMs;
    await sleep(lookMs, undefined, { signal })
  ) {
    if (await listens(own.socket)) return;
    // launchd tells no exit code; the daemon leaves its reason. With 75 another one is about to listen.
    const last = lastErrorOf(own);
    if (last && last.exitCode !== 75 && Date.parse(last.at) >= since) throw notStarted(own, since, last.exitCode);
  }
  throw unavailable('its service was started and does not listen yet', "look at 'holdfast service status'");
}

/** Starts one that outlives us, unless the last ones did not last; `code` is its exit code once it has ended. */
function launch(own: Paths, starts: Start[], asked: boolean): Start & { code: () => number | undefined } {
  const [first] = starts;
  if (!asked && first && starts.length >= maxStarts) {
    const often = `it was started ${starts.length} times in ten minutes and did not last`;
    const said = lastError(own, first.at);
    throw unavailable(said ? `${often}: ${said}` : often, `look at ${own.log}, then run 'holdfast start'`);
  }
  // What an application preloads into itself is not for the daemon.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const node = findNode(own);
  const at = Date.now();
  // What cannot be noted is not started: nothing would bound how often.
  const note = (pid: number) => writeJson(own.starts, [...(asked ? [] : starts), { at, pid }]);
  note(0);
  let code: number | undefined;
  const child = spawn(node, [daemonEntry()], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    // A relative path would name another place there.
    env: { ...env, ...(env['HOLDFAST_HOME'] && { HOLDFAST_HOME: own.home }), HOLDFAST_LOG_FILE: own.log },
  });
  child.once('error', () => (code = 69));
  child.once('exit', (ended) => (code = ended ?? 69));
  child.unref();
  const pid = child.pid ?? 0;
  // A daemon that stops as asked removes the note.
  note(pid);
  return { at, pid, code: () => code };
}

/** When clients started one lately, unless it has stopped as asked. */
export function recentStarts({ starts }: Paths): Start[] {
  const now = Date.now();
  const noted = readJson(starts);
  const isRecent = (entry: Partial<Start> | null): entry is Start =>
    typeof entry?.at === 'number' &&
    typeof entry.pid === 'number' &&
    entry.at <= now &&
    now - entry.at < startsWithinMs;
  return Array.isArray(noted) ? noted.filter(isRecent) : [];
}

function notStarted(own: Paths, since: number, code: number): HoldfastError {
  const said = lastError(own, since) ?? `The daemon ended with exit code ${code}.`;
  return unavailable(`it was started and ended: ${said}`, code === 78 ? 'mend that' : `look at ${own.log}`);
}

/** What a daemon said when it ended, unless an earlier one did. */
function lastError(own: Paths, since: number): string | undefined {
  const last = lastErrorOf(own);
  return last && Date.parse(last.at) >= since ? last.message : undefined;
}

const unavailable = (why: string, hint: string) =>
  new HoldfastError('unavailable', `holdfast is not running: ${why.replace(/\.$/, '')}. To mend it, ${hint}.`);

/** A Node that is new enough: the one named, the last one that worked, our own, the one on the path. */
export function findNode(own: Paths): string {
  const given = process.env['HOLDFAST_NODE'];
  // The daemon is started in another directory, where a relative path would lead elsewhere.
  const named = given?.includes('/') ? resolve(given) : given;
  const candidates = named ? [named] : [lastNodeOf(own), process.execPath, 'node'];
  const found = candidates.find((node) => node !== undefined && majorOf(node) >= oldestNode);
  if (found !== undefined) return found;
  const path = named ?? process.execPath;
  const version = majorOf(path);
  throw new HoldfastError(
    'node_too_old',
    `The daemon needs Node ${oldestNode} or newer, and ${path} is ${version ? `Node ${version}` : 'not a Node that runs'}. ` +
      `Install Node ${oldestNode}, then set HOLDFAST_NODE to its path.`,
  );
}
