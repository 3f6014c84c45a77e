import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';

// What test/bench/forks.ts measures at 100 MB and 10,000 forks, small enough for every run.

const mib = 1024 * 1024;
const forks = 300;
const text = 'x'.repeat(20_000);
const messages = Array.from({ length: 250 }, (_, n) => ({ id: `m${n}`, role: 'user', content: `${n} ${text}` }));

/** Bytes of a store whose daemon has ended; its WAL is in the database then. */
async function sizeOf(home: TestHome, daemon: DaemonProcess): Promise<number> {
  expect((await daemon.end()).code).toBe(0);
  return statSync(home.paths.database).size;
}

it('a fork of a session of 5 MiB adds no more than one of an empty session, and less than 2,000 bytes', async () => {
  await using home = new TestHome();
  let daemon = await home.start();
  const client = home.client();
  await client.sessions.create({ id: 'empty' });
  await client.sessions.replace({ id: 'long', messages });
  const sizes = [await sizeOf(home, daemon)];
  expect(sizes[0]).toBeGreaterThan(4.7 * mib);
  for (const id of ['empty', 'long']) {
    daemon = await home.start();
    await Promise.all(
      Array.from({ length: forks }, (_, n) => client.sessions.fork({ id, to: `${id} ${n}`.padEnd(10, '-') })),
    );
    sizes.push(await sizeOf(home, daemon));
  }
  const [before = 0, empty = 0, after = 0] = sizes;
  const [ofEmpty, ofLong] = [empty - before, after - empty];
  // Half as much again for pages that happen to be split.
  expect(ofLong).toBeLessThan(ofEmpty * 1.5);
  expect(ofLong / forks).toBeLessThan(2000);

  await home.start();
  await client.sessions.replace({ id: 'long', messages: messages.slice(0, 1), allowShrink: true });
  await client.sessions.delete({ id: 'long', erase: true });
  for (let n = 0; n < forks; n += 50) {
    const stream = client.sessions.stream({ id: `long ${n}`.padEnd(10, '-') });
    const lines = (await Array.fromAsync(stream)) as object[];
    expect(lines.pop()).toEqual({ end: { head: messages.length, generation: 0, damagedCount: 0 } });
    expect(lines).toEqual(messages.map((message, index) => ({ ...message, seq: index + 1 })));
  }
});

it('red control: sessions that hold messages of their own are seen to grow the store', async () => {
  await using home = new TestHome();
  let daemon = await home.start();
  const before = await sizeOf(home, daemon);
  daemon = await home.start();
  await home.client().sessions.replace({ id: 'copy', messages });
  expect(await sizeOf(home, daemon)).toBeGreaterThan(before + 4.7 * mib);
});
