import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { linesOf, messagesIn, messagesOf, open, rest } from '../helpers/streams.ts';
import { until } from '../helpers/wait.ts';

// Acceptance: a session of 100 MB costs the daemon less than 50 MB while others are served, and a reader that stops
// keeps no more in the WAL than one that goes on.

const MB = 1_000_000;
const count = 10_000;
const messages = Array.from({ length: 1000 }, () => ({ role: 'user', content: 'lorem ipsum '.repeat(830) }));

/** Bytes of memory that a process has now, and had at most since its peak was cleared. */
function memoryOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytesOf('VmRSS'), peak: bytesOf('VmHWM') };
}
/** By how much a process's memory grew at most while something ran. */
async function growthOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = memoryOf(pid).now;
  await work();
  return memoryOf(pid).peak - before;
}

const emptied = (client: Client) =>
  until('the WAL is emptied', async () => (await client.system.health()).walBytes === 0);

describe('a session of 100 MB', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  const id = 'long';
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client({ deadlineMs: 180_000 });
    for (const each of [id, 'other']) await client.sessions.create({ id: each });
    for (let time = 0; time < 10; time++) await client.sessions.append({ id, messages });
  }, 180_000);
  afterAll(() => home[Symbol.asyncDispose]());

  describe.skipIf(process.platform !== 'linux')('in memory', () => {
    // Each in a daemon that has not held anything large yet, for what one has once taken it takes again unseen; and
    // with a search index that is level, so that its work is not measured too.
    beforeAll(() => client.search.messages({ q: 'nothing', fresh: true }), 180_000);
    beforeEach(async () => {
      await daemon.end();
      daemon = await home.start();
      await client.system.health();
    });

    it('streams in less than 50 MB, while appends and health go on', async () => {
      const done = { messages: 0, bytes: 0, appends: 0, healthy: 0, ended: false };
      const grown = await growthOf(daemon.pid, async () => {
        for await (const line of client.sessions.stream({ id })) {
          if ('end' in line) done.ended = true;
          if (!('seq' in line)) continue;
          expect(line.seq).toBe(++done.messages);
          done.bytes += JSON.stringify(line).length;
          if (line.seq % 100 !== 0) continue;
          // Before the next lines are taken: the stream is in the middle.
          const [{ status }, { head }] = await Promise.all([
            client.system.health(),
            client.sessions.append({ id: 'other', messages: [{ role: 'user', n: line.seq }] }),
          ]);
          if (status === 'ok') done.healthy += 1;
          if (head > 0) done.appends += 1;
        }
      });
      expect(done).toMatchObject({ messages: count, appends: 100, healthy: 100, ended: true });
      expect(done.bytes).toBeGreaterThan(100 * MB);
      expect(grown).toBeLessThan(50 * MB);
    });

    it.each(['markdown', 'json'] as const)('is exported as %s in less than 50 MB', async (format) => {
      let bytes = 0;
      const grown = await growthOf(daemon.pid, async () => {
        for await (const text of client.sessions.export({ id, format })) bytes += text.length;
      });
      expect(bytes).toBeGreaterThan(99 * MB);
      expect(grown).toBeLessThan(50 * MB);
    });

    it('red control: what does take memory is seen', async () => {
      await client.sessions.create({ id: 'heavy' });
      const append = () => client.sessions.append({ id: 'heavy', messages });
      expect(
        await growthOf(daemon.pid, () => Promise.all([append(), append(), append(), append(), append()])),
      ).toBeGreaterThan(50 * MB);
    });
  });

  describe('of which a reader stopped reading', () => {
    const part = messages.slice(0, 250);
    /** Appends 100 MB, and answers how large the WAL was at most. */
    async function appendMuch(): Promise<number> {
      let most = 0;
      for (let time = 0; time < 40; time++) {
        await client.sessions.append({ id: 'other', messages: part });
        most = Math.max(most, (await client.system.health()).walBytes);
      }
      return most;
    }
    it('ohdearquant/khive#580: keeps nothing in the WAL, which is written over and emptied, and is read to its end later', async () => {
      const stopped = await open(home.paths.socket, messagesOf(id));
      expect(await appendMuch()).toBeLessThan(60 * MB);
      await emptied(client);
      const { text, complete } = await rest(stopped);
      const lines = linesOf(text);
      expect(messagesIn(lines).map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      expect([complete, lines.at(-1)]).toEqual([true, { end: { head: count, generation: 0, damagedCount: 0 } }]);
    });

    it('red control: a transaction that is left open keeps all of it in the WAL', async () => {
      using db = new DatabaseSync(home.paths.database, { readOnly: true });
      db.exec('BEGIN');
      db.prepare('SELECT count(*) FROM session').get();
      expect(await appendMuch()).toBeGreaterThan(100 * MB);
      db.exec('COMMIT');
      await emptied(client);
    });
  });
});
