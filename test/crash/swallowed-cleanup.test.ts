import { existsSync, mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { Scrape } from '../helpers/metrics.ts';

// Invariant: a stop that cannot leave everything in order says so by its exit code, and the next daemon says why.

const unclean = ({ log }: DaemonProcess) =>
  log.map(({ msg }) => String(msg)).filter((msg) => msg.startsWith('unclean'));
const lastCleanStop = async (home: TestHome) =>
  (await Scrape.of(home.paths.socket)).value('holdfast_last_clean_stop_timestamp_seconds');

it('M5: cleanup errors swallowed: a socket that cannot be removed', async () => {
  await using home = new TestHome();
  const { socket } = home.paths;
  const daemon = await home.start();
  await home.client().feeds.put({ name: 'x', url: 'https://example.org/' });
  expect([unclean(daemon), await lastCleanStop(home)]).toEqual([[], NaN]);
  renameSync(socket, `${socket}.away`);
  mkdirSync(socket);
  expect((await daemon.end('SIGTERM')).code).toBe(69);
  expect(daemon.stderr).toContain(socket);
  // All that could be done was done.
  expect(existsSync(`${home.paths.database}-wal`)).toBe(false);
  rmdirSync(socket);

  const next = await home.start();
  expect(unclean(next)).toEqual([expect.stringContaining(socket)]);
  expect((await home.client().feeds.get({ name: 'x' })).name).toBe('x');
  expect(await lastCleanStop(home)).toBeNaN();
  // Red control: one that stops in order.
  const before = Date.now();
  expect((await next.end('SIGTERM')).code).toBe(0);
  expect(unclean(await home.start())).toEqual([]);
  expect((await lastCleanStop(home)) ?? 0).toBeGreaterThan(before / 1000 - 1);
});
