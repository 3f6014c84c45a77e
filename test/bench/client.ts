import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { TestHome } from '../helpers/daemon.ts';
import { load, makeSessions, message } from './load.ts';
import { RawClient } from './raw-client.ts';

// What a caller of the library sees, and what one append costs beside its parts: a bare fsync of as much as it writes
// and a bare round trip over the socket, all in one run.
//
//   node test/bench/client.ts

const ms = 3000;
const sessions = 32;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function timed(times: number, action: () => unknown): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < times; n++) {
    const start = performance.now();
    await action();
    took.push(performance.now() - start);
  }
  return median(took);
}

await using home = new TestHome();
await home.start();
const { socket } = home.paths;
await makeSessions(socket, sessions);

const raw = await RawClient.open(socket);
const file = openSync(join(home.home, 'bare'), 'w');
for (let round = 1; round <= 3; round++) {
  const roundTrip = await timed(3000, () => raw.send('GET', '/v1/version'));
  const fsync = await timed(1000, () => {
    writeSync(file, Buffer.alloc(12_288));
    fsyncSync(file);
  });
  const { p50 } = await load(socket, { callers: 1, perCall: 1, ms, sessions });
  const parts = [roundTrip, fsync, p50].map((value) => value.toFixed(3));
  console.log(
    `round trip ${parts[0]} ms, fsync ${parts[1]} ms, append p50 ${parts[2]} ms: x${(p50 / (roundTrip + fsync)).toFixed(2)}`,
  );
}
closeSync(file);
raw.close();

for (const callers of [1, 32, 100]) {
  await using client = home.client({ app: 'bench', maxSockets: callers });
  const took: number[] = [];
  const start = performance.now();
  const run = async () => {
    while (performance.now() - start < ms) {
      const n = took.length;
      const before = performance.now();
      await client.sessions.append({ id: `s${n % sessions}`, messages: [message(n)] });
      took.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: callers }, run));
  const rate = took.length / ((performance.now() - start) / 1000);
  console.log(
    `client library, ${callers} callers in one process: ${Math.round(rate)} appends/s, p50 ${median(took).toFixed(2)} ms`,
  );
}
