import { describe, expect, it } from 'vitest';
import { fault, homeWithStore, strace } from '../helpers/strace.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a checkpoint that fails costs no write and is not silent: health says so while it lasts, no longer.

describe('faults of the disk under a checkpoint', () => {
  it.each([
    ['fsync', 'error=EIO'],
    ['pwrite64', 'error=ENOSPC'],
  ])('%s %s on the database: writes go on, health says checkpoint_failed until one succeeds', async (call, error) => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [home.paths.database], fault(call, error, '1'));
    await home.start({ wrapper });
    const client = home.client();
    const put = (name: string) => client.feeds.put({ name, url: 'https://example.org/', ifAbsent: true });
    const reasons = async () => (await client.system.health()).reasons;
    expect(await reasons()).toEqual([]);

    await put('one');
    await until('the idle checkpoint fails', () => injected() > 0);
    await until('health says so', async () => (await reasons()).includes('checkpoint_failed'), 3_000);
    await put('two');
    await until('a checkpoint succeeds', async () => (await client.system.health()).walBytes === 0);
    await until('health is well again', async () => (await reasons()).length === 0, 3_000);
    expect((await client.feeds.list()).items).toHaveLength(2);
  });

  it('red control: without a fault the checkpoint runs and health never complains', async () => {
    await using home = await homeWithStore();
    const { wrapper, injected } = strace(home, [home.paths.database], fault('fsync', 'error=EIO', '1000'));
    await home.start({ wrapper });
    const client = home.client();
    await client.feeds.put({ name: 'one', url: 'https://example.org/' });
    const seen = new Set<string>();
    await until('the checkpoint', async () => {
      const { walBytes, reasons } = await client.system.health();
      for (const reason of reasons) seen.add(reason);
      return walBytes === 0;
    });
    expect([injected(), ...seen]).toEqual([0]);
  });
});
