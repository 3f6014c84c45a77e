import { setTimeout as sleep } from 'node:timers/promises';
import { readAll } from './streams.ts';
import { until } from './wait.ts';

/** How often health is asked for, in milliseconds. */
const everyMs = 100;

/** Does something while health is asked for, each time on a new connection; throws when one is not answered, or not well. */
export async function whileHealthy<T>(socket: string, attack: () => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const watch = (async () => {
    for (let asked = 0; asked === 0 || !ended.signal.aborted; asked++) {
      const { status, text } = await until('health answers', () => askedOnce(socket), 30_000);
      if (status !== 200) throw new Error(`health: ${status} ${text}`);
      await sleep(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  try {
    return await attack();
  } finally {
    ended.abort();
    await watch;
  }
}

/** A full listen queue is the kernel's, and the next try may fit into it. Anything else that fails is the daemon's. */
async function askedOnce(socket: string) {
  try {
    return await readAll(socket, '/v1/health', {});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
