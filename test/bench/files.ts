import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';

// How many changes of files four watchers, each a process with 100 calls under way, push in a second: one in each call, which
// their clients send together, and 50 in each call. Half of the changes are of paths that are queued already.
//
//   node test/bench/files.ts

const processes = 4;
const callers = 100;
const ms = 4000;

/** A watcher; answers how many changes it pushed. */
async function watch(socket: string, number: number, perCall: number): Promise<number> {
  await using client = connect({ app: 'bench', socket });
  const end = performance.now() + ms;
  let sequence = 0;
  const run = async () => {
    while (performance.now() < end) {
      const changes = Array.from({ length: perCall }, () => {
        const path = `/project-${number}/src/file-${Math.floor((sequence += 1) / 2)}.ts`;
        return {
          event: 'change' as const,
          path,
          sequence,
          mtimeMs: 1769860800000.5,
          size: 4096,
          hash: 'a1b2c3d4e5f60718',
        };
      });
      await client.files.push({ changes });
    }
  };
  await Promise.all(Array.from({ length: callers }, run));
  return sequence;
}

const [, , socket, number, perCall] = process.argv;
if (socket !== undefined) {
  process.send?.(await watch(socket, Number(number), Number(perCall)));
  process.disconnect?.();
} else {
  for (const each of [1, 50]) {
    await using home = new TestHome();
    await home.start();
    const start = performance.now();
    const pushed = Array.from({ length: processes }, async (_, index) => {
      const child = fork(import.meta.filename, [home.paths.socket, String(index), String(each)]);
      const [count] = (await once(child, 'message')) as [number];
      return count;
    });
    const total = (await Promise.all(pushed)).reduce((sum, count) => sum + count, 0);
    const rate = total / ((performance.now() - start) / 1000);
    const queued = await home.client({ app: 'bench' }).files.stats();
    console.log(`${each} per call: ${Math.round(rate)} changes/s, ${total} in all, ${queued.ready} paths queued`);
  }
}
