import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a reader is told of every change once, in the order of the log, wherever in it it begins and however fast it is.

const url = 'https://example.org/';
let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client();
});
afterAll(() => home[Symbol.asyncDispose]());

const numbers = (reader: EventReader) => reader.changes.map(({ position }) => Number(String(position).split('.')[1]));

/** Memory of the daemon in MiB. */
const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024;

/** Readers that were cut off for not reading. */
const dropped = () => daemon.log.filter(({ op, code }) => op === 'changes.stream' && code === 'slow_reader').length;

const writeElsewhere = async () => (await client.feeds.put({ name: 'elsewhere', url })).revision !== '';

/** One that reads the beginning of the answer and no more. */
async function stoppedReader(app: string) {
  const socket = connect(home.paths.socket);
  socket.write(`GET /v1/changes?app=${app} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  return socket.pause();
}

describe.concurrent('changes as they come', () => {
  it('follow what was stored without gap or repeat, for readers that begin while four clients write', async () => {
    const app = 'busy';
    const [writers, rounds] = [4, 150];
    const readers: Promise<EventReader>[] = [];
    const write = async (writer: number) => {
      const own = home.client({ app });
      for (let n = 0; n < rounds; n++) {
        await own.feeds.put({ name: `${writer}-${n}`, url });
        if (n % 15 === writer) readers.push(EventReader.open(home.paths.socket, `?app=${app}&after=0`));
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    const all = await Promise.all(readers);
    expect(all.length).toBe(40);
    for (const reader of all) await reader.count(writers * rounds);
    const [first] = all as [EventReader];
    expect(new Set(first.told).size).toBe(writers * rounds);
    expect(numbers(first)).toEqual(numbers(first).toSorted((a, b) => a - b));
    for (const reader of all) {
      expect(reader.told).toEqual(first.told);
      reader[Symbol.dispose]();
    }
  });

  it('reach 500 readers at once', async () => {
    const app = 'popular';
    const readers = await Promise.all(
      Array.from({ length: 500 }, () => EventReader.open(home.paths.socket, `?app=${app}`)),
    );
    await until('all have begun', () => readers.every(({ events }) => events.length > 0), 30_000);
    const own = home.client({ app });
    const names = Array.from({ length: 20 }, (_, n) => `feed ${n}`);
    for (const name of names) await own.feeds.put({ name, url });
    for (const reader of readers) expect((await reader.count(20)).told).toEqual(names.map((name) => `feed ${name}`));
    for (const reader of readers) reader[Symbol.dispose]();
    expect(await client.system.health()).toMatchObject({ status: 'ok' });
  });

  it('cost no memory for 200 readers that stopped reading, which are dropped, with the reason in the log', async () => {
    const app = 'flood';
    const own = home.client({ app });
    const stopped = await Promise.all(Array.from({ length: 200 }, () => stoppedReader(app)));
    await own.sessions.create({ id: 'one' });
    const before = memory();
    const messages = Array.from({ length: 500 }, () => ({ role: 'user', content: 'x' }));
    // 3 MB of events for each, which are more than the buffers of a socket take: 600 MB, if they were kept.
    for (let n = 0; n < 20; n++) await own.sessions.append({ id: 'one', messages });
    expect(memory() - before).toBeLessThan(250);
    await until('all are dropped', () => dropped() === stopped.length, 60_000);
    // What had left is still there to be read, and then the end.
    for (const socket of stopped) socket.resume();
    await until('they are cut off', () => stopped.every(({ closed }) => closed), 60_000);
    using again = await EventReader.open(home.paths.socket, `?app=${app}&after=0`);
    await again.count(10_001);
  }, 150_000);

  it('are told to be none from time to time, with the place to go on from, also while others write all the time', async () => {
    using reader = await EventReader.open(home.paths.socket, '?app=quiet');
    const beats = () => reader.events.filter(({ comment }) => comment !== undefined);
    await until('a heartbeat', async () => (await writeElsewhere()) && beats().length > 0, 120_000);
    const [begin, beat] = reader.events;
    expect(beat).toEqual({ comment: 'nothing new', id: expect.any(String) });
    expect(beat?.id).not.toBe(begin?.id);
    expect(reader.changes).toEqual([]);
  }, 130_000);
});
