import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { tryStartLock } from '../../client/start-lock.ts';
import { AutostartHome, runClient, slowNode } from '../helpers/autostart.ts';
import { cli, TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: who owns the data is decided by the kernel's locks beside it, whatever starts a daemon, from wherever, and
// however the one before ended.

const run = promisify(execFile);
const url = 'https://example.org/';
const lockOf = ({ paths }: TestHome) => join(paths.state, 'start.lock');

/** Environments in which one user's programs find themselves. */
const context = ({ home }: TestHome, runtime?: string, temporary?: string) => ({
  HOLDFAST_HOME: undefined,
  HOME: home,
  XDG_RUNTIME_DIR: runtime && join(home, runtime),
  XDG_STATE_HOME: runtime && join(home, runtime),
  TMPDIR: temporary && join(home, temporary),
});

afterEach(() => delete process.env['HOLDFAST_NODE']);

describe('denoland/clawpatrol#670: a login shell, ssh, cron and a desktop, which have other variables', () => {
  it('meet one daemon', async () => {
    await using home = new TestHome();
    const owner = await home.start({ env: context(home) });
    for (const env of [context(home, 'a', 'b'), context(home, 'c'), context(home, undefined, 'd')]) {
      const second = home.spawn({ env });
      expect((await second.exited).code).toBe(75);
      expect(second.stderr).toContain(`(pid ${owner.pid}, `);
    }
    const { stdout } = await run(process.execPath, [cli, 'health'], {
      env: { ...process.env, ...context(home, 'e', 'f') },
    });
    expect(JSON.parse(stdout)).toMatchObject({ pid: owner.pid });
  });

  it('atuinsh/atuin#4036: and so does who names the same data in another way; other data has its own (red control)', async () => {
    await using home = new TestHome();
    await using other = new TestHome();
    const owner = await home.start();
    symlinkSync(home.home, `${other.home}/link`);
    const second = home.spawn({ env: { HOLDFAST_HOME: `${other.home}/link` } });
    expect((await second.exited).code).toBe(75);
    const third = await other.start();
    expect((await home.client().system.health()).pid).toBe(owner.pid);
    expect((await other.client().system.health()).pid).toBe(third.pid);
  });
});

describe('the start lock', () => {
  it('ROCm/rocm-cli#267: is held until the daemon listens: nobody starts a second one beside a slow one', async () => {
    await using home = new AutostartHome();
    process.env['HOLDFAST_NODE'] = slowNode(home);
    const first = runClient(home, 'first');
    const started = await until('one is started', () => home.starts().find(({ pid }) => pid > 0));
    const holder = readlinkSync(lockOf(home));
    await using client = home.own();
    const calls = ['a', 'b', 'c'].map((name) => client.feeds.put({ name, url, ifAbsent: true }));
    await using impatient = home.own();
    expect(await refusal(impatient.feeds.list({}, { deadlineMs: 500 }))).toMatchObject({ code: 'unavailable' });
    expect([readlinkSync(lockOf(home)), home.starts()]).toEqual([holder, [started]]);
    writeFileSync(`${home.home}/go`, '');
    expect(await first).toBe(started.pid);
    expect(await Promise.all(calls)).toHaveLength(3);
    expect(home.pids()).toEqual([started.pid]);
  });

  it('red control: one that is dropped after the start, with no note of it, lets a second one be started', async () => {
    await using home = new AutostartHome();
    process.env['HOLDFAST_NODE'] = slowNode(home);
    const first = runClient(home, 'first');
    const { pid } = await until('one is started', () => home.starts().find((start) => start.pid > 0));
    for (const path of [lockOf(home), home.paths.starts]) rmSync(path);
    await using client = home.own();
    const call = client.feeds.put({ name: 'x', url });
    await until('another is started', () => home.starts().find((start) => start.pid > 0 && start.pid !== pid));
    writeFileSync(`${home.home}/go`, '');
    await Promise.all([first, call]);
    expect(await until('the second has said why it ends', () => home.pids().length > 1 && home.pids())).toHaveLength(2);
  });

  it('phnx-labs/agi-cli#2386: is not the lock of the daemon: who starts it may hold it, and it is free while that serves', async () => {
    await using home = new AutostartHome();
    const { child, done } = runProcess(join(import.meta.dirname, 'autostart-lock-process.ts'), [], {});
    try {
      await once(child, 'message');
      const owner = await home.start();
      expect((await home.own().system.health()).pid).toBe(owner.pid);
    } finally {
      child.kill('SIGKILL');
    }
    await expect(done).rejects.toThrow('SIGKILL');
    const release = tryStartLock(home.paths.state);
    expect(release).toBeDefined();
    expect((await home.spawn().exited).code).toBe(75);
    release?.();
  });
});

describe('openclaw/openclaw#27650: a daemon that crashes again and again', () => {
  it('is followed by the next one at once: its locks went with it', async () => {
    await using home = new TestHome();
    for (let round = 0; round < 4; round++) {
      // Ends with 75 while another one is the owner, as the tests above show.
      const daemon = await home.start();
      await home.client().feeds.put({ name: `${round}`, url, ifAbsent: true });
      await daemon.end('SIGKILL');
    }
    await home.start();
    expect((await home.client().feeds.list()).items).toHaveLength(4);
  });

  it('by one start of a client, also where the one that was starting it was killed too', async () => {
    await using home = new AutostartHome();
    const daemon = await home.start();
    await daemon.end('SIGKILL');
    mkdirSync(home.paths.state, { recursive: true });
    symlinkSync(`${daemon.pid}-x`, lockOf(home));
    const { pid } = await home.own().system.health();
    expect(home.starts().map((start) => start.pid)).toEqual([pid]);
  });
});
