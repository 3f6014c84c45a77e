import { randomUUID } from 'node:crypto';
import {
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';

/** A holder that gives no sign for so long, in milliseconds, is suspended, or another process has its id by now. */
const staleMs = 10_000;
const signMs = 2_000;

/**
 * Takes the lock of whoever starts the daemon, if nobody holds it; answers what gives it back. It only spares many clients
 * from starting a daemon each: who owns the data is decided by the daemon's own locks. It is a link that leads to the
 * process id of its holder, so it never exists without one, and a holder that was killed is noticed at once.
 */
export function tryStartLock(state: string): (() => void) | undefined {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const path = `${state}/start.lock`;
  const own = `${process.pid}-${randomUUID()}`;
  if (!take(path, own)) {
    removeAbandoned(path);
    if (!take(path, own)) return undefined;
  }
  const sign = setInterval(() => {
    try {
      if (holderOf(path) === own) lutimesSync(path, new Date(), new Date());
    } catch {
      // Taken over this moment, or on a disk that takes no writes: nothing of that ends the application.
    }
  }, signMs).unref();
  return () => {
    clearInterval(sign);
    try {
      if (holderOf(path) === own) rmSync(path, { force: true });
    } catch {
      // A disk that takes no writes by now: without a sign it is stale soon.
    }
  };
}

function take(path: string, own: string): boolean {
  try {
    symlinkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a holder that is gone. Of many who find it, one takes it aside; who took another one puts it back. */
function removeAbandoned(path: string): void {
  const found = holderOf(path);
  if (found === undefined || !isAbandoned(path, found)) return;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (holderOf(aside) === found) rmSync(aside, { recursive: true, force: true });
    else renameSync(aside, path);
  } catch {
    // Somebody else was faster.
  }
}

function isAbandoned(path: string, holder: string): boolean {
  const pid = Number.parseInt(holder);
  if (holder && !isAlive(pid)) return true;
  const { mtimeMs } = lstatSync(path, { throwIfNoEntry: false }) ?? {};
  return mtimeMs !== undefined && Math.abs(Date.now() - mtimeMs) > staleMs;
}

/** Whether a process has this id; it may be another one by now. */
export function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0) && !isUnreaped(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Whether it has ended, all threads of it, and keeps its id only until somebody asks how: in a container nobody may. Where there
 * is no /proc (macOS), somebody does.
 */
function isUnreaped(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX](?: -?\d+){16} [01] /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Who made the lock; undefined when there is none, '' when it is none of ours. */
function holderOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : '';
  }
}
