import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';

// Invariant: of daemons started at once on one data directory exactly one serves, whatever an owner that was killed
// left behind. The others end with 75 and disturb nothing.

const contenders = 12;

/** How each ended: 'serves', or its exit code. */
const fates = (daemons: DaemonProcess[]) =>
  Promise.all(
    daemons.map((daemon) =>
      daemon.ready().then(
        () => 'serves' as const,
        async () => (await daemon.exited).code,
      ),
    ),
  );

const expected = (count: number) => ['serves', ...Array.from({ length: count - 1 }, () => 75)];
const ordered = (found: (string | number | null)[]) => found.toSorted((a, b) => String(b).localeCompare(String(a)));

const combinations = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
  socket: (bits & 1) > 0,
  lock: (bits & 2) > 0,
  pid: (bits & 4) > 0,
  // Of what lies between all and nothing, twelve in the soak.
  count: bits === 0 || bits === 7 || process.env['HOLDFAST_EVERY_STEP'] ? contenders : 4,
}));

describe('acceptance 4: twelve daemons started together', () => {
  it.each(combinations)(
    'stale socket $socket, owner.lock $lock, pid file $pid: one of $count serves',
    async ({ socket, lock, pid, count }) => {
      await using home = new TestHome();
      // A killed owner leaves all of them, and its -wal.
      const before = await home.start();
      const client = home.client();
      await client.feeds.put({ name: 'before', url: 'https://example.org/' });
      await before.end('SIGKILL');
      if (!socket) rmSync(home.paths.socket);
      if (!lock) rmSync(home.paths.ownerLock);
      if (!pid) rmSync(home.paths.daemonFile);
      // Its process id may be another process by now, one that lives.
      else writeFileSync(home.paths.daemonFile, JSON.stringify({ pid: process.pid, version: '0.0.1' }));

      const daemons = Array.from({ length: count }, () => home.spawn());
      expect(ordered(await fates(daemons))).toEqual(expected(count));
      const owner = daemons.find((daemon) => daemon.child.exitCode === null);
      for (const daemon of daemons.filter((each) => each !== owner)) {
        expect(daemon.stderr).toContain(`Another holdfast owns ${home.paths.data}`);
      }
      expect((await client.system.health()).pid).toBe(owner?.pid);
      expect((JSON.parse(readFileSync(home.paths.daemonFile, 'utf8')) as { pid: number }).pid).toBe(owner?.pid);
      expect((await client.feeds.get({ name: 'before' })).name).toBe('before');
      await client.feeds.put({ name: 'after', url: 'https://example.org/', ifAbsent: true });
      expect(await owner?.end()).toEqual({ code: 0, signal: null });
      expect([home.paths.socket, home.paths.daemonFile].filter((path) => existsSync(path))).toEqual([]);
    },
  );

  it('red control: daemons on two data directories both serve, and the count says so', async () => {
    await using home = new TestHome();
    await using other = new TestHome();
    expect(ordered(await fates([home.spawn(), other.spawn()]))).toEqual(['serves', 'serves']);
  });

  it('a fresh directory: one of twelve makes the store, and it is sound', async () => {
    await using home = new TestHome();
    expect(ordered(await fates(Array.from({ length: contenders }, () => home.spawn())))).toEqual(expected(contenders));
    await home.client().feeds.put({ name: 'first', url: 'https://example.org/', ifAbsent: true });
  });
});
