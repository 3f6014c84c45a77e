import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, lutimesSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, tryStartLock } from '../../client/start-lock.ts';
import { AutostartHome, clientProcess, runClient } from '../helpers/autostart.ts';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: of clients that find no daemon one starts it, whoever else does the same or dies doing it, and it depends on
// nothing of the process that started it.

const url = 'https://example.org/';
const lockOf = ({ paths }: TestHome) => join(paths.state, 'start.lock');
const locksIn = ({ paths }: TestHome) => readdirSync(paths.state).filter((name) => name.startsWith('start.lock'));
/** What a process has open (Linux). */
function openFiles(pid: number): string[] {
  const names = readdirSync(`/proc/${pid}/fd`).map((name) => `/proc/${pid}/fd/${name}`);
  return names.filter((name) => lstatSync(name, { throwIfNoEntry: false })).map((name) => readlinkSync(name));
}
const many = (home: TestHome, count: number) =>
  Promise.all(Array.from({ length: count }, (_, index) => runClient(home, `feed-${index}`)));

describe('clients that find no daemon', () => {
  it('anomalyco/opencode#35964, vectorize-io/hindsight#1155: fifty at once start one, all of them are served, and the start lock is gone', async () => {
    await using home = new AutostartHome();
    const found = new Set(await many(home, 50));
    expect(found.size).toBe(1);
    // Not one more was started, to end because the data had an owner.
    expect(home.pids()).toEqual([...found]);
    expect(home.starts()).toHaveLength(1);
    expect(locksIn(home)).toEqual([]);
    expect((await home.own().feeds.list()).items).toHaveLength(50);
  });

  it('two homes side by side start one each (red control of the count)', async () => {
    await using one = new AutostartHome();
    await using other = new AutostartHome();
    const [first, second] = await Promise.all([many(one, 4), many(other, 4)]);
    expect(new Set([...first, ...second]).size).toBe(2);
    expect([one.pids(), other.pids()]).toEqual([[first[0]], [second[0]]]);
  });
});

describe('the start lock', () => {
  it('arcboxlabs/arcbox#367: while its holder lives nobody else starts a daemon; when it is killed somebody does at once', async () => {
    await using home = new AutostartHome();
    const { child, done } = runProcess(join(import.meta.dirname, 'autostart-lock-process.ts'), [], {});
    await once(child, 'message');
    await using client = home.own();
    expect(await refusal(client.feeds.list({}, { deadlineMs: 300 }))).toMatchObject({ code: 'unavailable' });
    expect(home.starts()).toEqual([]);
    const call = client.feeds.put({ name: 'x', url });
    child.kill('SIGKILL');
    await expect(done).rejects.toThrow('SIGKILL');
    expect((await call).name).toBe('x');
    expect(home.pids()).toHaveLength(1);
    expect(locksIn(home)).toEqual([]);
  });

  it('earendil-works/pi#1322: of a holder that lives but gives no sign is taken over; given back late, it is not the new one that goes', async () => {
    await using home = new TestHome();
    const release = tryStartLock(home.paths.state);
    expect(tryStartLock(home.paths.state)).toBeUndefined();
    const [before, old] = [readlinkSync(lockOf(home)), new Date(Date.now() - 11_000)];
    lutimesSync(lockOf(home), old, old);
    const next = tryStartLock(home.paths.state);
    expect(readlinkSync(lockOf(home))).not.toBe(before);
    release?.();
    expect(lstatSync(lockOf(home)).isSymbolicLink()).toBe(true);
    next?.();
    expect(locksIn(home)).toEqual([]);
  });

  it.each(['text', '', '0', '-1', '999999999-x'])('that names no process (%j) is nobody’s', async (holder) => {
    await using home = new TestHome();
    mkdirSync(home.paths.state, { recursive: true });
    if (holder) symlinkSync(holder, lockOf(home));
    else {
      mkdirSync(lockOf(home));
      lutimesSync(lockOf(home), 1, 1);
    }
    const release = tryStartLock(home.paths.state);
    expect(release).toBeDefined();
    release?.();
    expect(locksIn(home)).toEqual([]);
  });
});

describe('a daemon that a client started', () => {
  it('griffinwork40/agent-afk#25: from a deleted folder, without PATH and stdin: keeps neither folder nor files of the client', async () => {
    await using home = new AutostartHome();
    const folder = join(home.home, 'folder');
    mkdirSync(folder);
    // Were an open file of the client kept, its standard output would be too, and this would not return.
    const pid = await runClient(
      home,
      'x',
      `cd '${folder}' && exec 9>'${home.home}/held' && rmdir '${folder}' && PATH= exec '${process.execPath}' '${clientProcess}' x <&-`,
    );
    expect(home.pids()).toEqual([pid]);
    if (process.platform !== 'linux') return;
    expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
    expect(openFiles(pid)).toContain(home.paths.log);
    expect(openFiles(pid)).not.toContain(`${home.home}/held`);
  });

  it('capistrano-sidekiq#246: outlives the process group of the client, and its terminal', async () => {
    await using home = new AutostartHome();
    const command = [process.execPath, clientProcess, 'x', 'stay'];
    const args =
      process.platform === 'darwin' ? ['-q', '/dev/null', ...command] : ['-qec', command.join(' '), '/dev/null'];
    const terminal = spawn('script', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    const [line] = (await once(terminal.stdout, 'data')) as [Buffer];
    const { pid, client } = JSON.parse(line.toString()) as { pid: number; client: number };
    // As a terminal that is closed: its process ends, and the kernel hangs up on the group of the client.
    process.kill(-(terminal.pid ?? 0), 'SIGKILL');
    await until('the client is gone', () => !isAlive(client));
    expect((await home.own({ autostart: false }).system.health()).pid).toBe(pid);
    expect(home.pids()).toEqual([pid]);
  });
});
