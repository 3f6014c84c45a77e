import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: health reads the file, not what is left of it in memory.

/** Writes bytes into a file from a place on, keeping its length. */
function overwrite(path: string, bytes: Buffer, from: number): void {
  const file = openSync(path, 'r+');
  expect(from + bytes.length).toBe(fstatSync(file).size);
  writeSync(file, bytes, 0, bytes.length, from);
  closeSync(file);
}

it.each([
  ['all of it', 0],
  ['all but its first page', 4096],
])(
  'Gentleman-Programming/engram#1292: a database that is spoilt under the daemon is told by health: %s',
  async (_, from) => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    await client.feeds.put({ name: 'x', url: 'https://example.org/' });
    await until('all of it is in the database', async () => (await client.system.health()).walBytes === 0);
    const health = async () => {
      const { status, json } = await curl(home.paths.socket, 'GET', '/v1/health');
      return { http: status, ...(json as { status: string; reasons: string[] }) };
    };
    // Red control: while it can be read.
    expect(await health()).toMatchObject({ http: 200, status: 'ok', reasons: [] });
    const sound = readFileSync(home.paths.database).subarray(from);
    overwrite(home.paths.database, Buffer.alloc(sound.length, 0xa5), from);
    expect(await health()).toMatchObject({
      http: 503,
      status: 'unhealthy',
      reasons: expect.arrayContaining(['storage_unreadable']) as [],
    });
    expect(await refusal(client.feeds.get({ name: 'x' }))).toMatchObject({ code: 'damaged' });
    overwrite(home.paths.database, sound, from);
    const { http, reasons } = await health();
    // What was met is told for a while.
    expect([http, reasons.filter((reason) => reason !== 'damage_found')]).toEqual([200, []]);
    expect((await client.feeds.get({ name: 'x' })).name).toBe('x');
  },
);
