import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A lock older than this counts as left behind by a dead process: the shortest that proper-lockfile allows. */
export const staleMs = 2_000;
/** How long an application waits for a lock before it tells its user that it cannot save. */
const patienceMs = 10_000;

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined);

/**
 * A lock as applications make it: a file that only one process can create, removed when done, taken over when it has
 * become stale. The two weak places are those of every such lock. Whoever finds it stale removes whatever is there by
 * then, which may be the fresh lock of another finder; and a holder that was suspended goes on writing when it
 * wakes, though its lock has been taken over meanwhile.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await create(path))) {
    if (performance.now() > giveUpAt) throw new Error(`${path} is locked`);
    if (await isStale(path)) await rm(path, { force: true });
    else await sleep(5 + Math.random() * 15);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function create(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > staleMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The process that holds a lock, as the lock says. */
export async function holderOf(path: string): Promise<number | undefined> {
  try {
    return Number(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
