import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { integrityOf } from '../helpers/integrity.ts';
import { tmpfs } from '../helpers/namespace.ts';
import { clean, judge, readBack, type Acknowledged } from '../helpers/verdict.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a full disk costs writes an error that says so, 507 storage_full, and nothing else: reads and health
// answer, nothing acknowledged is lost, and the same call works once there is space.

/** A daemon whose data directory is a small file system with 3 MB of ballast, and what writes to it. */
async function onSmallDisk(home: TestHome, size: string) {
  mkdirSync(home.paths.data, { mode: 0o700 });
  const disk = await tmpfs(home.paths.data, size);
  const ballast = join(home.paths.data, 'ballast');
  await disk.run('sh', '-c', `head -c 3000000 /dev/zero > '${ballast}'`);
  const daemon = await home.start({ wrapper: disk.wrapper });
  const client = home.client();
  await client.sessions.create({ id: 's' });
  const acknowledged: Acknowledged[] = [];
  const append = async (n: number) => {
    const content = 'x'.repeat(20_000);
    await client.sessions.append({ id: 's', messages: [{ writer: 0, n, content }] }, { key: `key-${n}` });
    acknowledged.push({ session: 's', writer: 0, n });
  };
  /** Appends messages until one is refused, at most 1000; answers its number and error. */
  const fill = async (from: number) => {
    for (let n = from; n < from + 1000; n++) {
      try {
        await append(n);
      } catch (error) {
        return { n, error };
      }
    }
    return { n: from + 1000, error: undefined };
  };
  return { disk, daemon, client, acknowledged, append, fill, makeRoom: () => disk.run('rm', ballast) };
}

describe('a full disk', () => {
  it('screenpipe#6790: refuses writes with 507, reads and reports; the same call works when there is room, and all is kept', async () => {
    await using home = new TestHome();
    const { disk, daemon, client, acknowledged, append, fill, makeRoom } = await onSmallDisk(home, '8m');
    await using _ = disk;
    const { n, error } = await fill(1);
    expect(error).toBeInstanceOf(HoldfastError);
    expect(error).toMatchObject({ status: 507, code: 'storage_full', retryable: true });
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(await client.system.health()).toMatchObject({
      status: 'degraded',
      reasons: expect.arrayContaining(['disk_low']) as [],
    });
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);

    await makeRoom();
    await append(n);
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);
    await daemon.end('SIGKILL');
    const next = await home.start({ wrapper: disk.wrapper });
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);
    await next.end();
    await disk.run('cp', home.paths.database, join(home.home, 'copy.db'));
    expect(integrityOf(join(home.home, 'copy.db'))).toBe('ok');
  });

  it('modl-org/modl#98: killed on a full disk: the next daemon serves every read, and takes writes once there is room', async () => {
    await using home = new TestHome();
    const { disk, daemon, client, acknowledged, append, fill, makeRoom } = await onSmallDisk(home, '8m');
    await using _ = disk;
    const { n } = await fill(1);
    await daemon.end('SIGKILL');
    await home.start({ wrapper: disk.wrapper });
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);
    await expect(append(n)).rejects.toMatchObject({ code: 'storage_full' });
    await makeRoom();
    await append(n);
    expect(judge(acknowledged, await readBack(client, ['s']))).toEqual(clean);
  });

  it('daintreehq/daintree#6270: no room for a new store: 69 and why; it starts once there is room', async () => {
    await using home = new TestHome();
    mkdirSync(home.paths.data, { mode: 0o700 });
    await using disk = await tmpfs(home.paths.data, '32k');
    const refused = home.spawn({ wrapper: disk.wrapper });
    expect((await refused.exited).code).toBe(69);
    expect(refused.stderr).toMatch(new RegExp(`${home.paths.database} .*(full|space)`));
    await disk.run('mount', '-o', 'remount,size=8m', home.paths.data);
    await home.start({ wrapper: disk.wrapper });
    await home.client().feeds.put({ name: 'one', url: 'https://example.org/', ifAbsent: true });
  });

  it('red control: on a disk with room no write is refused and health does not complain of checkpoints', async () => {
    await using home = new TestHome();
    const { disk, client, fill } = await onSmallDisk(home, '64m');
    await using _ = disk;
    expect((await fill(1)).error).toBeUndefined();
    await until('the checkpoint', async () => (await client.system.health()).walBytes === 0);
    expect((await client.system.health()).reasons).toEqual(['disk_low']);
  });
});
