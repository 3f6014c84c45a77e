import { rmSync, statSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../client/retry.ts';
import { AutostartHome } from '../helpers/autostart.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a socket is removed by the owner of the data and by nobody else, and silence is no proof of death.

const url = 'https://example.org/';
const inodeOf = ({ paths }: TestHome) => statSync(paths.socket).ino;
const served = async (home: TestHome) => (await home.client().system.health()).pid;

/** A connection that asks for nothing, and why it was refused, if it was. */
async function knock({ paths }: TestHome) {
  const waiting = connectSocket(paths.socket);
  const refused = await new Promise<string>((resolve) => {
    waiting.once('connect', () => resolve('')).once('error', (error) => resolve(codeOf(error)));
  });
  return { waiting, refused };
}

/** Starts one until it is not refused. */
async function successor(home: TestHome): Promise<DaemonProcess> {
  for (;;) {
    const next = home.spawn();
    const code = await next.ready().then(
      () => undefined,
      async () => (await next.exited).code,
    );
    if (code === undefined) return next;
    expect(code).toBe(75);
  }
}

describe('a daemon that answers nobody for a while', () => {
  it('reddb-io/red-skills#3186: keeps its socket, a second one is refused, and no client starts one', async () => {
    await using home = new AutostartHome();
    const busy = await home.start();
    const socket = inodeOf(home);
    await using client = home.own();
    busy.child.kill('SIGSTOP');
    const waits = client.feeds.put({ name: 'x', url, ifAbsent: true });
    for (let other = 0; other < 5; other++) {
      await using impatient = home.own();
      expect(await refusal(impatient.system.health({}, { deadlineMs: 250 }))).toMatchObject({ code: 'unavailable' });
    }
    const second = home.spawn();
    expect((await second.exited).code).toBe(75);
    expect(second.stderr).toContain(`(pid ${busy.pid}, `);
    expect([inodeOf(home), home.starts()]).toEqual([socket, []]);
    busy.child.kill('SIGCONT');
    expect((await waits).name).toBe('x');
    expect((await client.system.health()).pid).toBe(busy.pid);
  });

  it('openonion/connectonion#271: whose queue is full is not taken for dead, and answers all who wait', async () => {
    await using home = new AutostartHome();
    const busy = await home.start();
    const socket = inodeOf(home);
    busy.child.kill('SIGSTOP');
    const queue = [await knock(home)];
    while (queue.at(-1)?.refused === '') queue.push(await knock(home));
    await using client = home.own();
    await until('a client is refused for the same', async () => {
      const { cause } = await refusal(client.system.health({}, { deadlineMs: 250 }));
      return codeOf(cause) === queue.at(-1)?.refused;
    });
    const calls = Array.from({ length: 50 }, () => client.system.health());
    expect([inodeOf(home), home.starts()]).toEqual([socket, []]);
    busy.child.kill('SIGCONT');
    expect(new Set((await Promise.all(calls)).map(({ pid }) => pid))).toEqual(new Set([busy.pid]));
    for (const { waiting } of queue) waiting.destroy();
    expect([inodeOf(home), await served(home)]).toEqual([socket, busy.pid]);
  });

  it('red control: one that is dead is replaced, by a client and by a second daemon', async () => {
    await using home = new AutostartHome();
    const dead = await home.start();
    const socket = inodeOf(home);
    await dead.end('SIGKILL');
    expect(inodeOf(home)).toBe(socket);
    const next = await home.start();
    expect(await served(home)).toBe(next.pid);
    await next.end('SIGKILL');
    await using client = home.own();
    expect([dead.pid, next.pid]).not.toContain((await client.system.health()).pid);
    expect(home.starts()).toHaveLength(1);
  });
});

describe('ohdearquant/khive#645: the stop of the daemon before', () => {
  it('leaves the socket of the next one, which starts at the same time', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    for (let round = 0; round < 3; round++) {
      daemon.child.kill('SIGTERM');
      const next = await successor(home);
      expect(await daemon.exited).toEqual({ code: 0, signal: null });
      expect(await served(home)).toBe(next.pid);
      daemon = next;
    }
    // Red control: without its socket it would be missed.
    rmSync(home.paths.socket);
    const missed = home.client({ deadlineMs: 100 }).system.health();
    expect(await refusal(missed)).toMatchObject({ code: 'unavailable' });
  });
});
