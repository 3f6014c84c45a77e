import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { examples, prepare } from '../helpers/examples.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { runProcess } from '../helpers/processes.ts';

// Invariant: databases and statements live as long as their thread: collecting garbage takes no lock and no read away.

const preload = pathToFileURL(join(import.meta.dirname, 'collect-garbage.ts')).href;

describe('nodejs/node#63796: garbage is collected all the time', () => {
  it('every operation is answered, the locks are kept, and the database is sound', async () => {
    await using home = new TestHome();
    const owner = await home.start({ env: { NODE_OPTIONS: `--import=${preload}` } });
    const client = home.client();
    await prepare(client);
    const { shutdown, ...system } = examples.system;
    const calls = Object.values({ ...examples, system }).flatMap((group) => Object.values(group));
    for (const call of calls) await call(client);
    await client.sessions.create({ id: 'long' });
    const messages = Array.from({ length: 1000 }, (_, n) => ({ n }));
    await client.sessions.append({ id: 'long', messages });
    expect(await Array.fromAsync(client.sessions.stream({ id: 'long' }))).toHaveLength(messages.length + 1);
    expect((await home.spawn().exited).code).toBe(75);
    expect((await client.system.health()).pid).toBe(owner.pid);
    await shutdown(client);
    expect(await owner.exited).toEqual({ code: 0, signal: null });
    expect(integrityOf(home.paths.database)).toBe('ok');
  });

  it.each([
    ['keep', 75],
    ['drop', 'serves'],
  ])(
    'red control: a process that takes the lock and does %s its handle: a daemon ends or serves: %s',
    async (keep, expected) => {
      await using home = new TestHome();
      mkdirSync(home.paths.data, { mode: 0o700 });
      const lock = runProcess(join(import.meta.dirname, 'collected-lock-process.ts'), [home.paths.ownerLock, keep], {});
      try {
        await once(lock.child, 'message');
        const daemon = home.spawn();
        const fate = daemon.ready().then(
          () => 'serves',
          async () => (await daemon.exited).code,
        );
        expect(await fate).toBe(expected);
      } finally {
        lock.child.kill('SIGKILL');
        await lock.done.catch(() => undefined);
      }
    },
  );
});
