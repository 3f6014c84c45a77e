import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { listens } from '../../client/listens.ts';
import { daemonEntry } from '../../client/program.ts';
import { isAlive } from '../../client/start-lock.ts';
import { paths } from '../../shared/paths.ts';
import { AutostartHome, clientProcess, runClient } from '../helpers/autostart.ts';
import { holdfast } from '../helpers/cli.ts';
import { curl } from '../helpers/curl.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: the next call is served, by the one daemon of this home, whatever was left behind by one that is gone, and
// whatever the environment of the caller says.

const url = 'https://example.org/';
const quoted = (...words: string[]) => words.map((word) => `'${word}'`).join(' ');
const kill = async (pid: number) => {
  process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !isAlive(pid));
};
const state = async (home: AutostartHome) =>
  JSON.parse((await holdfast(home, ['status', '--json'])).stdout) as { state: string; pid: number | null };

afterEach(() => {
  delete process.env['HOLDFAST_NODE'];
});

it('systemd/systemd#43361: killed when the session ended; the next call starts it anew, in whatever environment', async () => {
  await using home = new AutostartHome();
  const inEnvironment = (name: string, ...variables: string[]) =>
    runClient(
      home,
      name,
      `exec env -i HOLDFAST_HOME=${quoted(home.home)} NODE_COMPILE_CACHE="$NODE_COMPILE_CACHE" ${quoted(...variables, process.execPath, clientProcess, name)}`,
    );
  const first = await inEnvironment('a', 'XDG_RUNTIME_DIR=/run/user/0', 'TMPDIR=/nowhere', 'HOME=/nowhere');
  await kill(first);
  // As over ssh, sudo or from cron: there is no XDG_RUNTIME_DIR, nor anything else.
  const second = await inEnvironment('b');
  const third = await inEnvironment('c', `XDG_RUNTIME_DIR=${home.home}`, `TMPDIR=${home.home}`);
  expect(third).toBe(second);
  expect(home.pids()).toEqual([first, second]);
  expect((await home.own().feeds.list()).items).toHaveLength(3);
});

it('michaelbarton/dotfiles#91: its socket in /tmp is gone after a reboot; the next call starts it', async () => {
  await using home = new AutostartHome();
  process.env['HOLDFAST_HOME'] = join(home.home, 'x'.repeat(100));
  const { socket } = paths();
  expect(socket).toMatch(/^\/tmp\/holdfast-\d+\//);
  await using client = home.own();
  await client.feeds.put({ name: 'x', url });
  await kill((await client.system.health()).pid);
  rmSync(socket);
  expect((await client.feeds.get({ name: 'x' })).name).toBe('x');
  const { pid } = await client.system.shutdown();
  await until('its socket is gone', () => !existsSync(socket) && !isAlive(pid));
});

describe('what a daemon that was killed leaves behind', () => {
  it('atuinsh/atuin#2289: a socket where nobody listens is in nobody’s way', async () => {
    await using home = new AutostartHome();
    await using client = home.own();
    await client.feeds.put({ name: 'x', url });
    const before = await client.system.health();
    await kill(before.pid);
    expect([existsSync(home.paths.socket), await listens(home.paths.socket)]).toEqual([true, false]);
    expect((await client.feeds.get({ name: 'x' })).name).toBe('x');
    expect(home.pids()).toEqual([before.pid, (await client.system.health()).pid]);
  });

  it.skipIf(process.platform !== 'linux')(
    'atuinsh/atuin#4114: a start whose process has ended, which nobody has reaped, is not waited for; one that lives is (red control)',
    async () => {
      await using home = new AutostartHome();
      // Its parent is by then a program that asks about no child.
      const parent = spawn(
        '/bin/sh',
        ['-c', 'until grep -q tail /proc/$$/comm; do :; done & echo $!; exec tail -f /dev/null'],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer];
        const ended = Number(line);
        await until('it has ended', () => / Z /.test(readFileSync(`/proc/${ended}/stat`, 'utf8')));
        const note = (pid?: number) => writeFileSync(home.paths.starts, JSON.stringify([{ at: Date.now(), pid }]));
        mkdirSync(home.paths.state, { mode: 0o700 });
        note(parent.pid);
        await using client = home.own();
        expect((await refusal(client.feeds.list({}, { deadlineMs: 500 }))).code).toBe('unavailable');
        expect(home.pids()).toEqual([]);
        note(ended);
        expect((await client.feeds.list()).items).toEqual([]);
        expect(home.starts()).toHaveLength(2);
      } finally {
        parent.kill('SIGKILL');
      }
    },
  );

  it('1jehuang/jcode#291: a process id that is another process by now is neither waited for nor ended', async () => {
    await using home = new AutostartHome();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1_000)'], { stdio: 'ignore' });
    try {
      mkdirSync(home.paths.state, { mode: 0o700 });
      writeFileSync(home.paths.daemonFile, JSON.stringify({ pid: other.pid, socket: home.paths.socket }));
      expect(await state(home)).toMatchObject({ state: 'stopped', pid: null });
      const { pid } = await home.own().system.health();
      expect(home.pids()).toEqual([pid]);
      expect(JSON.parse(readFileSync(home.paths.daemonFile, 'utf8'))).toMatchObject({ pid });
      expect([other.exitCode, other.signalCode]).toEqual([null, null]);
    } finally {
      other.kill('SIGKILL');
    }
  });
});

it('tetsuo-ai/agenc-core#2612: a start says that it is ready when it answers, and no sooner', async () => {
  await using home = new AutostartHome();
  const [node, go] = [join(home.home, 'node'), join(home.home, 'go')];
  const wait = `[ "$1" = --version ] || until [ -e '${go}' ]; do sleep 0.02; done`;
  writeFileSync(node, `#!/bin/sh\n${wait}\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  process.env['HOLDFAST_NODE'] = node;
  let ended = false;
  const start = holdfast(home, ['start']).finally(() => (ended = true));
  await until('it is being started', () => home.starts().find(({ pid }) => pid > 0));
  expect(await state(home)).toMatchObject({ state: 'starting' });
  expect(ended).toBe(false);
  writeFileSync(go, '');
  expect(await start).toMatchObject({ code: 0, stderr: expect.stringContaining('is running') as string });
  // Asked once, by nobody who would try again.
  expect(await curl(home.paths.socket, 'GET', '/v1/health')).toMatchObject({ status: 200, json: { status: 'ok' } });
});

it('kaeawc/auto-mobile#2441: a client starts the daemon it came with, whatever is first on PATH', async () => {
  await using home = new AutostartHome();
  const other = join(home.home, 'bin');
  mkdirSync(other);
  for (const name of ['holdfastd', 'holdfast', 'node', 'npx', 'npm']) {
    writeFileSync(join(other, name), `#!/bin/sh\ntouch '${home.home}/ran'\n`);
    chmodSync(join(other, name), 0o755);
  }
  const pid = await runClient(home, 'x', `PATH='${other}' exec ${quoted(process.execPath, clientProcess, 'x')}`);
  const command = execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  expect(command.trim()).toBe(`${process.execPath} ${daemonEntry()}`);
  expect(existsSync(join(home.home, 'ran'))).toBe(false);
  // Red control: these do what they say.
  execFileSync(join(other, 'npx'));
  expect(existsSync(join(home.home, 'ran'))).toBe(true);
});

it('kenn-io/agentsview#1097: where it cannot be noted who serves, it is served all the same, and status says so', async () => {
  await using home = new AutostartHome();
  const blocked = [home.paths.daemonFile, home.paths.lastStart];
  for (const path of blocked) mkdirSync(join(path, 'x'), { recursive: true, mode: 0o700 });
  await using client = home.own();
  const { pid, reasons } = await client.system.health();
  expect(reasons).toEqual(['record_unwritable']);
  expect(home.log().filter(({ msg }) => msg.includes('cannot be noted'))).toHaveLength(1);
  const { code, stdout } = await holdfast(home, ['status']);
  expect([code, stdout]).toEqual([1, expect.stringContaining(`pid         ${pid}`)]);
  expect(stdout).toMatch(/record_unwritable: .*cannot be written.*'holdfast logs'.*make it writable/);
  // Red control: mended, it is noted, and nothing is wrong.
  for (const path of blocked) rmSync(path, { recursive: true });
  await until('it is well', async () => (await client.system.health()).status === 'ok');
  expect(blocked.map((path) => existsSync(path))).toEqual([true, true]);
  expect(await holdfast(home, ['stop'])).toMatchObject({ code: 0 });
});

it('anomalyco/opencode#36583: no command ends a daemon that is slow to answer, nor starts one beside it', async () => {
  await using home = new AutostartHome();
  const daemon = await home.start();
  await home.own().feeds.put({ name: 'x', url });
  daemon.child.kill('SIGSTOP');
  const commands = [['status'], ['health'], ['stop'], ['restart']];
  const ended = await Promise.all(commands.map((args) => holdfast(home, args)));
  expect(ended.map(({ code }) => code)).toEqual(commands.map(() => 69));
  for (const { stdout, stderr } of ended) expect(stdout + stderr).toContain(`${daemon.pid}'`);
  daemon.child.kill('SIGCONT');
  expect((await home.own().system.health()).pid).toBe(daemon.pid);
  expect([home.starts(), home.pids()]).toEqual([[], []]);
  // Red control: one that answers is ended.
  expect(await holdfast(home, ['stop'])).toMatchObject({ code: 0 });
  expect(await daemon.exited).toEqual({ code: 0, signal: null });
});
