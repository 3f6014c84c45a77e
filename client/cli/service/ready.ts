import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../../../shared/paths.ts';
import { isAlive } from '../../start-lock.ts';

// node ready.ts PID: waits until the daemon with this process id answers. It fails when that process ends. One that is
// only slow, because it has a large database to look at, is left to go on.

const deadlineMs = 60_000;
const lookMs = 25;

const pid = Number(process.argv[2]);
const { socket } = paths();

/** The process id of whoever answers: another daemon may own the data. */
function answering(): Promise<unknown> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: socket, path: '/v1/health', timeout: 2_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => (body += part));
      response.on('end', () => resolve(/"pid":(\d+)/.exec(body)?.[1]));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.on('close', () => resolve(undefined));
    asked.end();
  });
}

async function wait(): Promise<number> {
  for (const deadline = performance.now() + deadlineMs; performance.now() < deadline;) {
    if (Number(await answering()) === pid) return 0;
    if (!isAlive(pid)) {
      process.stderr.write('The daemon ended before it answered.\n');
      return 1;
    }
    await sleep(lookMs);
  }
  process.stderr.write(`The daemon (pid ${pid}) does not answer yet; it goes on.\n`);
  return 0;
}

process.exitCode = Number.isSafeInteger(pid) && pid > 1 ? await wait() : 2;
