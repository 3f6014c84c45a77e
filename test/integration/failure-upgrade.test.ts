import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleDaemon } from '../helpers/bundle.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { until } from '../helpers/wait.ts';

// The daemon as it is installed, while its installation is taken away from it: whatever it needs it has loaded at its start.
// One after the other: each test finds the daemon as the one before left it.

let folder: string;
let home: TestHome;
let daemon: DaemonProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-upgrade-'));
  home = new TestHome();
  await bundleDaemon(join(folder, 'installed'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  // The helper appends our Node and our entry: the first becomes $0, the second is not passed on.
  daemon = await home.start({
    wrapper: ['sh', '-c', `exec "$0" '${join(folder, 'installed', 'main.js')}'`],
  });
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Lines of /proc/PID/task/<each>/status, added up. */
function switches(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const counts = threads.map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How often a process wakes in two seconds, and `meanwhile` that. */
async function wakes(pid: number, meanwhile?: () => Promise<unknown>): Promise<number> {
  const [before, begun] = [switches(pid), performance.now()];
  await until('two seconds are over', async () => {
    await meanwhile?.();
    return performance.now() > begun + 2_000;
  });
  return switches(pid) - before;
}

describe.runIf(process.platform === 'linux')('anthropics/claude-code#61800: a daemon that nobody calls', () => {
  it('sleeps, but for one slow tick; a call wakes it (red control)', async () => {
    // Its start has an end: V8 optimizes and collects a while longer.
    await until('it has come to rest', async () => (await wakes(daemon.pid)) < 10, 60_000);
    const client = home.client();
    expect(await wakes(daemon.pid, () => client.system.health())).toBeGreaterThan(100);
  });

  it('keeps less than 80 MB to itself', () => {
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')) ?? [];
    expect(Number(kilobytes)).toBeGreaterThan(1_000);
    expect(Number(kilobytes)).toBeLessThan(80_000);
  });
});

const started = (path: string) => once(new Worker(path, { workerData: {} }), 'error');

describe('anomalyco/opencode#38567: an update takes the files of a daemon that runs', () => {
  it('goes on in every thread, and stops in order', async () => {
    renameSync(join(folder, 'installed'), join(folder, 'away'));
    const client = home.client();
    await client.sessions.replace({ id: 's', messages: [{ content: 'hello there' }] });
    // The thread of these is started when it is needed.
    expect(await Array.fromAsync(client.sessions.stream({ id: 's' }))).toHaveLength(2);
    expect(itemsOf(await client.search.messages({ q: 'hello', fresh: true }))).toHaveLength(1);
    expect(await client.system.health()).toMatchObject({ status: 'ok', pid: daemon.pid });
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  });

  it('red control: a thread that were started from its file would fail', async () => {
    const file = 'reader-worker.js';
    expect(String(await started(join(folder, 'installed', file)))).toContain('Cannot find module');
    expect(String(await started(join(folder, 'away', file)))).not.toContain('Cannot find module');
  });
});
