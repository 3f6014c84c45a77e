import { execFileSync } from 'node:child_process';
import { fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DaemonProcess, TestHome } from '../helpers/daemon.ts';
import { load, makeSessions, message, sessionPath, type LoadResult } from './load.ts';
import { RawClient } from './raw-client.ts';

// Settles the layout of messages end to end, over the socket, with log, idempotency key, checksum and id check on.
// Two stores side by side in one run: ours, and the same without both message indexes, which nothing could read:
// the floor under every layout that finds messages in another way. A layout is worth its code above 1.3x.
//
//   node test/bench/append.ts [stored messages] [milliseconds per measurement; 0 measures the reads alone]

const stored = Number(process.argv[2] ?? 1000);
const ms = Number(process.argv[3] ?? 1000);
const sessions = 32;
const cells = [1, 32, 100].flatMap((callers) => [1, 32].map((perCall) => ({ callers, perCall })));

function slowFsync(folder: string): NodeJS.ProcessEnv {
  const library = join(folder, 'slow-fsync.so');
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, join(import.meta.dirname, 'slow-fsync.c'), '-ldl']);
  return { LD_PRELOAD: library, SLOW_FSYNC_US: '1000' };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** What the disk alone takes to make 4 KiB durable, in milliseconds. */
function bareFsync(folder: string): number {
  const file = openSync(join(folder, 'bare'), 'w');
  const times = Array.from({ length: 500 }, () => {
    const start = performance.now();
    writeSync(file, Buffer.alloc(4096));
    fsyncSync(file);
    return performance.now() - start;
  });
  rmSync(join(folder, 'bare'));
  return median(times);
}

async function fill(socket: string): Promise<void> {
  const client = await RawClient.open(socket);
  for (let done = 0; done < stored; done += 1000) {
    // Every fifth call goes to one session, so that a fifth of all messages are in it.
    const target = (done / 1000) % 5 === 0 ? 0 : (done / 1000) % sessions;
    const messages = Array.from({ length: 1000 }, (_, n) => message(done + n));
    await client.send('POST', `${sessionPath(target)}/messages`, JSON.stringify({ messages }));
  }
  client.close();
}

async function store(home: TestHome, withIndexes: boolean): Promise<void> {
  const daemon = await home.start();
  await makeSessions(home.paths.socket, sessions);
  await fill(home.paths.socket);
  await daemon.end();
  if (withIndexes) return;
  const db = new DatabaseSync(home.paths.database);
  db.exec('DROP INDEX log_message; DROP INDEX log_message_id');
  db.close();
}

async function measure(homes: TestHome[], env: NodeJS.ProcessEnv): Promise<void> {
  const daemons: DaemonProcess[] = await Promise.all(homes.map((home) => home.start({ env })));
  for (const cell of cells) {
    const results: LoadResult[][] = homes.map(() => []);
    for (let round = 0; round < 3; round++) {
      for (const [index, home] of homes.entries()) {
        // Ids need their index to be looked up: the floor is compared without them, on both sides.
        results[index]?.push(await load(home.paths.socket, { ...cell, ms, sessions, withId: false }));
      }
    }
    const [ours = [], floor = []] = results;
    const withId = await load(homes[0]?.paths.socket ?? '', { ...cell, ms, sessions });
    const rate = (some: LoadResult[]) => median(some.map(({ messagesPerSecond }) => messagesPerSecond));
    const p50 = median(ours.map((result) => result.p50));
    const columns = [
      env['SLOW_FSYNC_US'] ? '1 ms' : 'none',
      cell.callers,
      cell.perCall,
      Math.round(rate(ours)),
      Math.round(rate(floor)),
      (rate(floor) / rate(ours)).toFixed(2),
      Math.round(withId.messagesPerSecond),
      p50.toFixed(2),
      median(ours.map((result) => result.p99)).toFixed(2),
    ];
    console.log(`| ${columns.join(' | ')} |`);
  }
  await Promise.all(daemons.map((daemon) => daemon.end()));
}

/** One caller, one message a call, into the largest session and into an empty one, in turns: p50 of each in ms. */
async function lengths(socket: string): Promise<void> {
  const client = await RawClient.open(socket);
  const { id } = JSON.parse(await client.send('POST', '/v1/apps/bench/sessions', '{}')) as { id: string };
  const targets = [sessionPath(0), `/v1/apps/bench/sessions/${id}`];
  const times: number[][] = targets.map(() => []);
  for (let n = 0; n < 4000; n++) {
    const body = JSON.stringify({ messages: [message(n)] });
    const start = performance.now();
    await client.send('POST', `${targets[n % 2]}/messages`, body);
    times[n % 2]?.push(performance.now() - start);
  }
  client.close();
  const [large, empty] = times.map(median).map((p50) => p50.toFixed(3));
  console.log(`append to the largest session: p50 ${large} ms; to an empty one: ${empty} ms`);
}

async function reads(home: TestHome): Promise<void> {
  const daemon = await home.start();
  const client = await RawClient.open(home.paths.socket);
  const lasts: number[] = [];
  for (let n = 0; n < 300; n++) {
    const start = performance.now();
    await client.send('GET', `${sessionPath(0)}/messages?last=50`);
    lasts.push(performance.now() - start);
  }
  const start = performance.now();
  let bytes = 0;
  let cursor = '';
  do {
    const text = await client.send('GET', `${sessionPath(0)}/messages?limit=1000${cursor}`);
    bytes += text.length;
    const next = /"nextCursor":"([^"]+)"/.exec(text.slice(-200))?.[1];
    cursor = next ? `&cursor=${next}` : '';
  } while (cursor !== '');
  const took = performance.now() - start;
  console.log(`\nlast 50 of the largest session: p50 ${median(lasts).toFixed(2)} ms`);
  console.log(`all of it, ${(bytes / 1e6).toFixed(0)} MB in pages of 1,000: ${took.toFixed(0)} ms`);
  client.close();
  await lengths(home.paths.socket);
  await daemon.end();
}

await using ours = new TestHome();
await using floor = new TestHome();
await store(ours, true);
await store(floor, false);
console.log(`${stored} messages stored; bare fsync of 4 KiB: p50 ${bareFsync(ours.home).toFixed(3)} ms\n`);
console.log(
  '| pause per fsync | callers | messages per call | messages/s | floor | floor/ours | with ids given | p50 ms | p99 ms |',
);
console.log('|---|---|---|---|---|---|---|---|---|');
if (ms > 0) {
  await measure([ours, floor], {});
  await measure([ours, floor], slowFsync(floor.home));
}
await reads(ours);
