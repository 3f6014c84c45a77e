import { copyFileSync, linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Paths } from '../../shared/paths.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { Load } from '../helpers/load.ts';
import { refusal } from '../helpers/refusal.ts';
import { fixtureFile, fixtureNames } from '../helpers/schema-fixture.ts';
import { clean, judge, readBack } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: once the path of the database or its -wal names another file or none, no write that begins later is
// acknowledged, and the daemon ends with 78 and the path.

const wal = (paths: Paths) => `${paths.database}-wal`;

/** Runs a load, meddles with the files under it, and tells which later writes were acknowledged all the same. */
async function meddle(home: TestHome, change: (paths: Paths) => void) {
  const daemon = await home.start();
  await home.client().sessions.create({ id: 's' });
  const load = new Load(home.paths.socket, 's', 8);
  await until('some writes are acknowledged', () => load.acknowledged.length > 100);
  change(home.paths);
  return { daemon, load, mark: load.begun };
}

describe('acceptance 4: files replaced under load', () => {
  it.each([
    ['another file renamed over the database', (paths: Paths) => paths.database, renamedOver],
    ['a copy written over the database', (paths: Paths) => paths.database, writtenOver],
    ['the database removed', (paths: Paths) => paths.database, (paths: Paths) => rmSync(paths.database)],
    ['an empty file renamed over the -wal', wal, emptyWal],
    ['the -wal removed', wal, (paths: Paths) => rmSync(wal(paths))],
  ])('%s: nothing is acknowledged any more, exit 78', async (_, named, change) => {
    await using home = new TestHome();
    const { daemon, load, mark } = await meddle(home, change);
    expect((await daemon.exited).code).toBe(78);
    await load.end();
    expect(load.acknowledgedAfter(mark)).toEqual([]);
    expect(daemon.stderr).toContain(`${named(home.paths)} was removed or replaced`);
    const refused = load.outcomes.filter(({ status }) => status >= 300);
    expect(refused.every(({ status, code }) => status === 503 && /^(store_replaced|shutting_down)$/.test(code))).toBe(
      true,
    );
    expect(refused.length).toBeGreaterThan(0);
  });

  it('a small copy written over a large database: the next write is told why, and the copy left as it is', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    const url = `https://example.org/${'x'.repeat(1000)}`;
    await Promise.all(Array.from({ length: 200 }, (_, n) => client.feeds.put({ name: `feed ${n}`, url })));
    await until('the WAL is empty', async () => (await client.system.health()).walBytes === 0);
    // The checkpoint is over then.
    await refusal(client.feeds.delete({ name: 'none' }));
    writtenOver(home.paths);
    const copied = readFileSync(home.paths.database);
    const { status, json } = await send(home.paths.socket, 'PUT', '/v1/apps/test/feeds/x', { url });
    // A write of the daemon itself may have met it before.
    expect([status, (json as { code: string }).code]).toEqual([
      503,
      expect.stringMatching(/^(store_replaced|shutting_down)$/),
    ]);
    expect((await daemon.exited).code).toBe(78);
    expect(readFileSync(home.paths.database).equals(copied)).toBe(true);
  });

  it.each([
    ['removed', (paths: Paths) => rmSync(wal(paths))],
    ['replaced by an empty file', emptyWal],
  ])('the -wal %s: everything acknowledged before is there after a restart', async (_, change) => {
    await using home = new TestHome();
    const { daemon, load } = await meddle(home, change);
    await daemon.exited;
    await load.end();
    expect(integrityOf(home.paths.database)).toBe('ok');
    await home.start();
    expect(judge(load.acknowledged, await readBack(home.client(), ['s']))).toEqual(clean);
  });

  it('red control: files touched, linked or freed of their -shm are still ours: later writes are acknowledged', async () => {
    await using home = new TestHome();
    const { daemon, load, mark } = await meddle(home, (paths) => {
      for (const path of [paths.database, wal(paths)]) utimesSync(path, 0, 0);
      linkSync(paths.database, `${paths.database}.link`);
      rmSync(`${paths.database}-shm`);
    });
    await until('writes go on', () => load.acknowledgedAfter(mark).length > 50);
    await load.stop();
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
    await home.start();
    expect(judge(load.acknowledged, await readBack(home.client(), ['s']))).toEqual(clean);
  });
});

function renamedOver(paths: Paths): void {
  writeFileSync(`${paths.database}.other`, '');
  renameSync(`${paths.database}.other`, paths.database);
}

function writtenOver({ database }: Paths): void {
  const copy = fixtureFile(fixtureNames()[0] ?? '');
  expect(statSync(copy).size).not.toBe(statSync(database).size);
  copyFileSync(copy, database);
}

function emptyWal(paths: Paths): void {
  writeFileSync(`${paths.database}.other`, '');
  renameSync(`${paths.database}.other`, wal(paths));
}
