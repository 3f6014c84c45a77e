import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Paths } from '../../shared/paths.ts';
import { send } from '../helpers/curl.ts';
import type { TestHome } from '../helpers/daemon.ts';
import { refused } from '../helpers/refusal.ts';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';

// Invariant: the daemon opens its files anew after a failed fsync, and then too it takes only its own files: one that
// was replaced meanwhile ends it with 78, and nothing is acknowledged into the other.

const put = (home: TestHome, name: string) =>
  send(home.paths.socket, 'PUT', `/v1/apps/test/feeds/${name}`, { url: 'https://example.org/' });

const wal = (paths: Paths) => `${paths.database}-wal`;

describe('files replaced between a failed fsync and the next write', () => {
  it.each<[string, (paths: Paths) => string, (paths: Paths) => void]>([
    ['the database removed', (paths) => paths.database, (paths) => rmSync(paths.database)],
    ['the database replaced', (paths) => paths.database, replaceDatabase],
    ['the -wal removed', wal, (paths) => rmSync(wal(paths))],
  ])('%s: nothing is acknowledged, exit 78', async (what, named, change) => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [wal(home.paths)], fault('fsync', 'error=EIO', '3'));
    const daemon = await home.start({ wrapper });
    expect((await put(home, 'before')).status).toBe(201);
    expect((await put(home, 'failed')).status).toBe(503);
    expect(injected()).toBe(1);
    change(home.paths);

    // A write of the daemon itself may have met it before: then it is stopping, or gone.
    const reply = await put(home, 'after').catch(() => undefined);
    expect([undefined, '503 store_replaced', '503 shutting_down']).toContain(reply && refused(reply));
    expect((await daemon.exited).code).toBe(78);
    expect(daemon.stderr).toContain(`${named(home.paths)} was removed or replaced`);
    if (!what.includes('wal')) return;
    await home.start();
    expect((await home.client().feeds.get({ name: 'before' })).name).toBe('before');
  });

  it('red control: with the files left alone the next write is acknowledged', async () => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [wal(home.paths)], fault('fsync', 'error=EIO', '3'));
    const daemon = await home.start({ wrapper });
    const statuses = [];
    for (const name of ['before', 'failed', 'after']) statuses.push((await put(home, name)).status);
    expect([injected(), ...statuses]).toEqual([1, 201, 503, 201]);
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  });
});

function replaceDatabase(paths: Paths): void {
  writeFileSync(`${paths.database}.other`, '');
  renameSync(`${paths.database}.other`, paths.database);
}
