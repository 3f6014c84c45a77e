import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { paths } from '../../shared/paths.ts';
import { AutostartHome } from '../helpers/autostart.ts';
import { DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a client starts its user's own daemon and no other, and leaves one that runs alone: it needs nothing from it but
// its socket.

const url = 'https://example.org/';
const short = { deadlineMs: 300 };

/** Whatever a client might make or change in a folder. */
const trace = (folder: string) => ({ names: readdirSync(folder).toSorted(), changed: statSync(folder).ctimeMs });

/** A call is refused with this; on a machine under load its time may be up before it finds nobody. */
const told = (call: () => Promise<unknown>, text: string) =>
  until(text, async () => {
    const { code, message } = await refusal(call());
    return code === 'unavailable' && message.includes(text);
  });

describe('nothing is started', () => {
  it('with HOLDFAST_NO_AUTOSTART, and the error says so; it is without (red control)', async () => {
    await using home = new AutostartHome();
    process.env['HOLDFAST_NO_AUTOSTART'] = '1';
    await using client = home.own();
    for (const call of [() => client.feeds.put({ name: 'x', url }, short), () => client.feeds.list({}, short)]) {
      await told(call, "HOLDFAST_NO_AUTOSTART is set, so it was not started; run 'holdfast start'");
    }
    expect(readdirSync(home.home)).toEqual([]);
    delete process.env['HOLDFAST_NO_AUTOSTART'];
    await client.feeds.put({ name: 'x', url });
    expect(home.pids()).toEqual([(await client.system.health()).pid]);
  });

  it('for a socket that the application names, nor where it says so itself', async () => {
    await using home = new AutostartHome();
    for (const options of [{ socket: home.paths.socket }, { autostart: false }]) {
      await using client = home.own(options);
      const call = () => client.feeds.put({ name: 'x', url }, short);
      await told(call, `holdfast is not running at ${home.paths.socket}: run 'holdfast start'`);
    }
    expect(readdirSync(home.home)).toEqual([]);
  });
});

describe('a client of a daemon that runs', () => {
  it('makes and changes nothing in its state directory, which may be read-only; without a daemon it does (red control)', async () => {
    await using home = new AutostartHome();
    const daemon = await home.start();
    chmodSync(home.paths.state, 0o500);
    const before = trace(home.paths.state);
    await using client = home.own();
    await client.feeds.put({ name: 'x', url });
    expect((await client.feeds.get({ name: 'x' })).name).toBe('x');
    expect(trace(home.paths.state)).toEqual(before);
    chmodSync(home.paths.state, 0o700);
    await daemon.end();
    const after = trace(home.paths.state);
    await client.feeds.get({ name: 'x' });
    expect(trace(home.paths.state)).not.toEqual(after);
  });

  it('does without a state directory, and makes none', async () => {
    await using home = new AutostartHome();
    // Too long for a socket, which is in /tmp therefore.
    process.env['HOLDFAST_HOME'] = join(home.home, 'x'.repeat(100));
    const { state, socket } = paths();
    expect(socket.startsWith(state)).toBe(false);
    const daemon = new DaemonProcess(process.env['HOLDFAST_HOME']);
    try {
      await daemon.ready();
      renameSync(state, `${state}.away`);
      await using client = home.own();
      await client.feeds.put({ name: 'x', url });
      expect((await client.system.health()).pid).toBe(daemon.pid);
      expect(existsSync(state)).toBe(false);
    } finally {
      // In order, or its socket stays in /tmp.
      await daemon.end();
    }
  });
});

it('where no state directory can be made, the error says why', async () => {
  await using home = new AutostartHome();
  symlinkSync(join(home.home, 'nowhere', 'state'), home.paths.state);
  await using client = home.own();
  for (const call of [() => client.feeds.put({ name: 'x', url }), () => client.feeds.list()]) {
    const { code, message } = await refusal(call());
    expect(code).toBe('unavailable');
    expect(message).toContain('holdfast is not running: it cannot be started');
    expect(message).toContain(`make ${home.paths.state} writable`);
  }
});

it('a daemon whose client gave up is waited for: no second one is started beside it', async () => {
  await using home = new AutostartHome();
  const control = new AbortController();
  await using impatient = home.own();
  const first = impatient.feeds.list({}, { signal: control.signal });
  await until('one is started', () => home.starts()[0]);
  control.abort();
  await expect(first).rejects.toThrow('aborted');
  await using client = home.own();
  expect((await client.system.health()).pid).toBe(home.starts()[0]?.pid);
  expect(home.pids()).toHaveLength(1);
});

it('what an application preloads into itself (NODE_OPTIONS) is not for the daemon', async () => {
  await using home = new AutostartHome();
  process.env['NODE_OPTIONS'] = '--import=./only-in-the-folder-of-the-application.mjs';
  try {
    await using client = home.own();
    expect(home.pids()).toEqual([]);
    await client.system.health();
    expect(home.pids()).toHaveLength(1);
    // Red control: a daemon that is given them ends.
    expect(await home.spawn().exited).toEqual({ code: 1, signal: null });
  } finally {
    delete process.env['NODE_OPTIONS'];
  }
});

describe('a daemon that is suspended', () => {
  it('atuinsh/atuin#4114: is named with its process id and what to do; nothing is started or ended, and it goes on when it may', async () => {
    await using home = new AutostartHome();
    const daemon = await home.start();
    await using client = home.own();
    await client.feeds.put({ name: 'x', url });
    daemon.child.kill('SIGSTOP');
    const before = trace(home.paths.state);
    const calls = [
      () => client.feeds.put({ name: 'y', url }, short),
      () => client.feeds.get({ name: 'x' }, short),
      () => client.sessions.stream({ id: 'x' }, short).next(),
      () => home.client().feeds.list({}, short),
    ];
    for (const call of calls) {
      const { code, message } = await refusal(call());
      expect(code).toBe('unavailable');
      expect(message).toContain(`holdfast (pid ${daemon.pid}) did not answer at ${home.paths.socket}`);
      expect(message).toContain("'holdfast status'");
      expect(message).toContain(`'kill -9 ${daemon.pid}'`);
      expect(message).toContain('(waited up to 0.3 s)');
    }
    expect(trace(home.paths.state)).toEqual(before);
    daemon.child.kill('SIGCONT');
    expect((await client.system.health()).pid).toBe(daemon.pid);
  });

  it('is not named after a file that was left by one that is gone (red control)', async () => {
    await using home = new AutostartHome();
    const daemon = await home.start();
    const left = readFileSync(home.paths.daemonFile);
    await daemon.end('SIGKILL');
    const next = await home.start();
    writeFileSync(home.paths.daemonFile, left);
    next.child.kill('SIGSTOP');
    await using client = home.own();
    const { message } = await refusal(client.feeds.list({}, short));
    expect(message).toContain(`holdfast did not answer at ${home.paths.socket}: look at 'holdfast status'`);
    expect(message).not.toContain('kill');
  });
});
