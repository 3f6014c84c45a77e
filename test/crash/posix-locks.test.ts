import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { examples, prepare, withoutExample } from '../helpers/examples.ts';
import { until } from '../helpers/wait.ts';

// Invariant: nothing the daemon does opens and closes owner.lock or the database behind SQLite's back: that would
// drop the process's POSIX locks without a word, and a second daemon would become owner beside it.

/** Ends with its exit code, or serves. */
async function second(home: TestHome): Promise<number | null | 'serves'> {
  const daemon = home.spawn();
  return daemon.ready().then(
    () => 'serves' as const,
    async () => (await daemon.exited).code,
  );
}

describe('the POSIX lock trap', () => {
  it('has an example call of every operation (add yours to test/helpers/examples.ts)', () => {
    expect(withoutExample()).toEqual([]);
  });

  it('after every operation of the contract a second daemon is still refused', async () => {
    await using home = new TestHome();
    const owner = await home.start();
    const client = home.client();
    await prepare(client);
    const { shutdown, ...system } = examples.system;
    const calls = [system, examples.feeds, examples.sessions].flatMap((group) => Object.values(group));
    for (const call of calls) await call(client);
    // An empty WAL: the checkpoint of an idle writer has run too.
    await until('the idle checkpoint', async () => (await client.system.health()).walBytes === 0);
    for (const call of [...calls.slice(0, 3), system.health, system.health]) await call(client);

    expect(await second(home)).toBe(75);
    rmSync(home.paths.ownerLock);
    expect(await second(home)).toBe(75);
    // The attempt left an owner.lock of its own behind.
    expect(await second(home)).toBe(75);
    expect((await client.system.health()).pid).toBe(owner.pid);
    await shutdown(client);
    expect(await owner.exited).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['owner.lock', 75],
    ['holdfast.db,holdfast.db-shm', 75],
    ['owner.lock,holdfast.db,holdfast.db-shm', 'serves'],
  ])('red control: a daemon that reads %s with node:fs loses those locks: %s', async (files, expected) => {
    await using home = new TestHome();
    const preload = pathToFileURL(join(import.meta.dirname, 'close-descriptors.ts')).href;
    const env = { NODE_OPTIONS: `--import=${preload}`, HOLDFAST_TEST_READ: files };
    const owner = await home.start({ env });
    await home.client().feeds.put({ name: 'one', url: 'https://example.org/' });
    owner.child.kill('SIGUSR2');
    await until('it has read', () => owner.log.some(({ msg }) => msg === 'read'));
    // Each of the two locks alone still refuses; without both there are two owners.
    expect(await second(home)).toBe(expected);
  });
});
