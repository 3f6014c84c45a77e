import { appendFileSync, chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { daemonOf } from '../../client/daemon-files.ts';
import { protocol } from '../../shared/protocol.ts';
import { healthy, holdfast } from '../helpers/cli.ts';
import { cli, TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, good, type Answer } from '../helpers/fake-daemon.ts';
import { until } from '../helpers/wait.ts';

let home: TestHome;
const run = (...args: string[]) => holdfast(home, args);
const status = async () => {
  const { code, stdout } = await run('status', '--json');
  return { code, ...(JSON.parse(stdout) as { state: string; pid: number | null; advice: string | null }) };
};
beforeEach(() => {
  home = new TestHome();
});
afterEach(async () => {
  // A daemon that a failed test left behind.
  const pid = daemonOf(home.paths.daemonFile)?.pid;
  if (pid !== undefined && pid !== healthy.pid) process.kill(pid, 'SIGKILL');
  await home[Symbol.asyncDispose]();
});

const fake = (answer: Answer) => {
  mkdirSync(dirname(home.paths.socket), { recursive: true });
  return FakeDaemon.listen(home.paths.socket, answer);
};

describe('without a daemon', () => {
  it('every command that needs one ends with 69 and says what to do', async () => {
    const commands = [
      ['health'],
      ['sessions', 'list'],
      ['sessions', 'delete', 'abcd', '--dry-run'],
      ['sessions', 'export', 'abcd'],
      ['feeds', 'add', 'a', 'https://example.org'],
      ['auth', 'list', '--json'],
      ['key', 'status'],
    ];
    for (const args of commands) {
      const { code, stdout, stderr } = await run(
        ...args,
        ...(args.length > 1 && args[0] !== 'key' ? ['--app', 'x'] : []),
      );
      expect([args, code, stdout]).toEqual([args, 69, '']);
      expect(stderr).toMatch(/^holdfast: .*not running.*'holdfast start'.*\n$/);
    }
  });

  it('status says so, version names this command, stop has nothing to do, logs says where they are', async () => {
    const { code, stdout, stderr } = await run('status');
    expect([code, stderr]).toEqual([69, '']);
    expect(stdout).toMatch(/^holdfast is not running\.\n/);
    expect(stdout).toContain("run 'holdfast start'");
    expect(stdout).toContain(home.paths.socket);
    expect(await status()).toMatchObject({ code: 69, schema: 1, state: 'stopped', pid: null });
    expect((await run('version')).stdout).toMatch(/^holdfast \d.*\ndaemon {3}not running\n$/);
    expect(JSON.parse((await run('version', '--json')).stdout)).toMatchObject({ schema: 1, daemon: null });
    expect(await run('stop')).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing to stop') as string });
    const logs = await run('logs');
    expect([logs.code, logs.stdout]).toEqual([1, '']);
    expect(logs.stderr).toMatch(/^holdfast: There is no log file at .*journalctl.*\n$/);
  });

  it('start ends as the daemon did when it cannot run, and says why', async () => {
    mkdirSync(home.paths.data, { mode: 0o755 });
    chmodSync(home.paths.data, 0o755);
    const { code, stderr } = await run('start');
    expect([code, stderr]).toEqual([78, expect.stringContaining(home.paths.data)]);
    const after = await run('status');
    expect([after.code, after.stdout]).toEqual([69, expect.stringMatching(/last error +\d.*: .*data/)]);
    chmodSync(home.paths.data, 0o700);
    expect(await run('start')).toMatchObject({ code: 0 });
    expect((await run('stop')).code).toBe(0);
  });
});

it('start, status, restart, logs and stop follow one daemon', async () => {
  expect(await run('start')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringMatching(/is running/) as string,
  });
  const first = await status();
  expect(first).toMatchObject({ code: 0, state: 'running', health: 'ok', reasons: [], advice: null });
  const screen = await run('status');
  expect(screen.stdout).toMatch(/^holdfast is running\.\n\n {2}pid +\d+\n/);
  expect(screen.stdout).not.toContain('\u001b');
  expect(JSON.parse((await run('health')).stdout)).toMatchObject({ schema: 1, status: 'ok', pid: first.pid });
  expect((await run('start')).stderr).toContain(`(pid ${first.pid}) is running`);

  expect((await run('restart')).stderr).toMatch(/has stopped\.\nholdfast \(pid \d+\) is running\.\n$/);
  const second = await status();
  expect(second.state).toBe('running');
  expect(second.pid).not.toBe(first.pid);

  appendFileSync(home.paths.log, `${JSON.stringify({ level: 40, time: 'now', msg: 'odd \u009b31m', x: 1 })}\n`);
  expect((await run('logs', '-n', '1')).stdout).toBe(`now warn   odd \\u{9b}31m x=1\n`);
  const document = JSON.parse((await run('logs', '--json')).stdout) as { lines: object[] };
  expect(document).toMatchObject({ schema: 1, path: home.paths.log });
  expect(document.lines).toEqual(expect.arrayContaining([expect.objectContaining({ msg: 'ready' })]));

  expect((await run('stop')).stderr).toBe(`holdfast (pid ${second.pid}) has stopped.\n`);
  expect(await status()).toMatchObject({ code: 69, state: 'stopped' });
});

it('logs --follow goes on over a rotation', async () => {
  mkdirSync(dirname(home.paths.log), { recursive: true });
  writeFileSync(home.paths.log, 'one\n');
  const child = spawn(process.execPath, [cli, 'logs', '-f'], {
    env: { ...process.env, HOLDFAST_HOME: home.home },
  });
  try {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await until('the first line', () => out === 'one\n');
    appendFileSync(home.paths.log, 'two\nthr');
    await until('a whole line', () => out === 'one\ntwo\n');
    appendFileSync(home.paths.log, 'ee\n');
    renameSync(home.paths.log, `${home.paths.log}.1`);
    writeFileSync(home.paths.log, 'new\n');
    await until('the next file', () => out.endsWith('new\n'));
    expect(out).toBe('one\ntwo\nthree\nnew\n');
  } finally {
    child.kill();
  }
});

it('serve runs the daemon in the foreground and passes signals and exit codes on', async () => {
  const child = spawn(process.execPath, [cli, 'serve'], {
    env: { ...process.env, HOLDFAST_HOME: home.home },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  const { pid } = await until('it runs', async () => {
    const found = await status();
    return found.state === 'running' && found;
  });
  expect(pid).not.toBe(child.pid);
  const second = await run('serve');
  expect([second.code, second.stderr]).toEqual([75, expect.stringContaining("'holdfast stop' ends it")]);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  // The second one could not run, but not for anything that is wrong.
  expect(await status()).toMatchObject({ state: 'stopped', lastError: null });
});

describe('status of a daemon', () => {
  it('that is degraded names each reason and what to do', async () => {
    const reasons = ['disk_low', 'key_locked', 'key_wrong', 'from_the_future'];
    await using _ = await fake((response) => good(response, { ...healthy, status: 'degraded', reasons }));
    const { code, stdout } = await run('status');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^holdfast is running, but degraded\.\n/);
    expect(stdout).toMatch(/disk_low: .*[Mm]ake room.*\n.*key_locked: .*'holdfast key unlock'/);
    expect(stdout).toMatch(/key_wrong: .*'holdfast key status'.*\n.*from_the_future: .*'holdfast logs'/);
    expect(stdout).toMatch(/uptime +1 h 1 min/);
  });

  it('that is unhealthy, and says so with 503, is shown too', async () => {
    const answer = JSON.stringify({ ...healthy, status: 'unhealthy', reasons: ['storage_unreadable'] });
    await using _ = await fake((response) => response.writeHead(503).end(answer));
    expect(await status()).toMatchObject({ code: 1, state: 'running', health: 'unhealthy' });
    expect(await run('health')).toMatchObject({ code: 1, stderr: '' });
  });

  it.each([
    [protocol - 1, /daemon .* older than this command: run 'holdfast restart'/],
    [protocol + 1, /this command is older than the daemon .*: upgrade the command/],
  ])('of protocol %i says which side to upgrade', async (theirs, advice) => {
    await using _ = await fake((response) => good(response, { ...healthy, protocol: theirs }));
    expect(await status()).toMatchObject({ code: 1, state: 'incompatible', pid: healthy.pid });
    expect((await run('status')).stdout).toMatch(advice);
  });

  it('that is no holdfast is not taken for one', async () => {
    await using _ = await fake((response) => good(response, { hello: 'world' }));
    expect(await status()).toMatchObject({
      code: 69,
      state: 'silent',
      advice: expect.stringContaining('not holdfast') as string,
    });
  });

  it('that somebody is starting is not called stopped', async () => {
    const lock = join(home.paths.state, 'start.lock');
    mkdirSync(home.paths.state, { recursive: true });
    symlinkSync(`${process.pid}-x`, lock);
    expect(await status()).toMatchObject({ code: 69, state: 'starting' });
    rmSync(lock);
    symlinkSync(`${healthy.pid}-gone`, lock);
    expect(await status()).toMatchObject({ code: 69, state: 'stopped' });
  });
});
