import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paths } from '../../shared/paths.ts';
import { root } from '../helpers/daemon.ts';
import { RawClient } from './raw-client.ts';

// Spawn to first healthy answer, how long `holdfast status` takes, and what an idle daemon takes, beside a bare Node in the
// same run.
//
//   npm run build && node test/bench/start.ts

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function healthy(socket: string): Promise<void> {
  for (;;) {
    try {
      const client = await RawClient.open(socket);
      await client.send('GET', '/v1/health');
      return client.close();
    } catch {
      await sleep(1);
    }
  }
}

interface Started {
  child: ChildProcess;
  ms: number;
  home: string;
}

async function startDaemon(entry: string, home: string): Promise<Started> {
  const env = { ...process.env, HOLDFAST_HOME: home };
  const start = performance.now();
  const child = spawn(process.execPath, [entry], { env, stdio: 'ignore' });
  await healthy(paths(env).socket);
  return { child, ms: performance.now() - start, home };
}

/** Milliseconds until a Node has done these arguments. */
function runNode(args: string[], env = process.env): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore', env });
  return new Promise((resolve) => child.once('exit', () => resolve(performance.now() - start)));
}

const end = (child: ChildProcess) =>
  new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });

/** Megabytes from /proc/PID/smaps_rollup (Linux). */
function memory(pid: number | undefined) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1]) / 1024;
  return `RSS ${mb('Rss').toFixed(0)} MB, PSS ${mb('Pss').toFixed(0)} MB`;
}

/** Voluntary context switches of all threads: how often something woke. */
function wakeUps(pid: number | undefined): number {
  const statuses = readdirSync(`/proc/${pid}/task`).map((id) => readFileSync(`/proc/${pid}/task/${id}/status`, 'utf8'));
  return statuses.reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)?.[1]), 0);
}

const cpuTicks = (pid: number | undefined) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .split(' ')
    .slice(13, 15)
    .map(Number)
    .reduce((a, b) => a + b, 0);

const entries = { bundle: join(root, 'dist/daemon/holdfastd.js'), source: join(root, 'daemon/main.ts') };
if (!existsSync(entries.bundle)) throw new Error("run 'npm run build' first");
const home = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const times: Record<string, number[]> = { 'node -e 0': [], bundle: [], source: [] };
for (let round = 0; round < 15; round++) {
  times['node -e 0']?.push(await runNode(['-e', '0']));
  for (const [name, entry] of Object.entries(entries)) {
    const { child, ms } = await startDaemon(entry, home);
    times[name]?.push(ms);
    await end(child);
  }
}
for (const [name, some] of Object.entries(times))
  console.log(`spawn to healthy, ${name}: ${median(some).toFixed(0)} ms`);

const { child } = await startDaemon(entries.bundle, home);
const status = [join(root, 'dist/client/cli/main.js'), 'status'];
const took: number[] = [];
for (let round = 0; round < 15; round++) took.push(await runNode(status, { ...process.env, HOLDFAST_HOME: home }));
console.log(`holdfast status: ${median(took).toFixed(0)} ms`);
const bare = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' });
await sleep(5_000);
const [wakes, ticks] = [wakeUps(child.pid), cpuTicks(child.pid)];
await sleep(30_000);
console.log(`idle daemon: ${memory(child.pid)}; bare node: ${memory(bare.pid)}`);
console.log(
  `idle daemon over 30 s: ${wakeUps(child.pid) - wakes} wake-ups, ${cpuTicks(child.pid) - ticks} CPU ticks of 10 ms`,
);
bare.kill();
await end(child);
rmSync(home, { recursive: true });
