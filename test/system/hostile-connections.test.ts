import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { whileHealthy } from '../helpers/healthy.ts';
import { until } from '../helpers/wait.ts';

// Invariant: whoever is silent or slow loses its connection, not the others theirs: health answers on a new one throughout,
// and a client that is in the middle of its work goes on.

const post = 'POST /v1/apps/test/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
const get = 'GET /v1/version HTTP/1.1\r\nhost: localhost\r\n\r\n';

interface Line {
  socket: Socket;
  received: string;
  closed: boolean;
}

/** A connection, unless the listen queue is full. */
function dialOnce(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EAGAIN' ? resolve(undefined) : reject(error),
    );
  });
}

describe('connections', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let lines: Line[] = [];
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
  });
  afterEach(() => {
    for (const { socket } of lines) socket.destroy();
    lines = [];
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** A connection that has sent `text`; the listen queue may be full for a while. */
  async function dial(text: string): Promise<Line> {
    const socket = await until('there is room in the listen queue', () => dialOnce(home.paths.socket), 60_000);
    const line: Line = { socket, received: '', closed: false };
    socket.on('data', (chunk: Buffer) => (line.received += chunk.toString()));
    socket.on('close', () => (line.closed = true));
    if (text !== '') socket.write(text);
    return line;
  }
  async function dialMany(count: number, text: string): Promise<void> {
    const each = Array.from({ length: 100 }, async () => {
      while (lines.length < count) lines.push(await dial(text));
    });
    await Promise.all(each);
  }
  /** Work that goes on meanwhile, on a connection of its own. */
  async function working<T>(attack: () => Promise<T>): Promise<T> {
    const client = home.client();
    const ended = new AbortController();
    const work = (async () => {
      for (let done = 0; done < 10 || !ended.signal.aborted; done++) await client.sessions.create();
    })();
    try {
      return await whileHealthy(home.paths.socket, attack);
    } finally {
      ended.abort();
      await work;
    }
  }
  const closed = () => lines.filter((line) => line.closed).length;
  const statuses = () => new Set(lines.map(({ received }) => received.slice(9, 12)));

  it.each([
    ['that never say anything', ''],
    ['that stay silent after a request', get],
    ['that never end their headers', 'GET /v1/version HTTP/1.1\r\nhost: loc'],
  ])('10,000 %s: the longest silent ones give way, and a new one is served', async (_, text) => {
    await working(async () => {
      await dialMany(10_000, text);
      // As many as are kept at once; the one of the work, and of health, are among them.
      await until('the first ones are gone', () => closed() >= 10_000 - 4096, 60_000);
      const last = await dial(get);
      await until('a new one is answered', () => last.received.includes('200 OK'), 60_000);
      expect(last.closed).toBe(false);
      last.socket.destroy();
    });
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('5,000 that never end their bodies: those that are too many are told so, and then all are cut off', async () => {
    await working(async () => {
      await dialMany(5000, `${post}content-length: 50\r\n\r\n{`);
      await until('all are told', () => lines.every((line) => line.closed || line.received !== ''), 120_000);
    });
    expect(statuses()).toEqual(new Set(['408', '503']));
    await until('all are cut off', () => closed() === lines.length, 60_000);
  });

  it('200 that send a byte now and then are cut off: it is the whole request that has its time', async () => {
    await working(async () => {
      await dialMany(200, `${post}x: `);
      const [one] = lines;
      const dripping = setInterval(() => lines.forEach(({ socket }) => socket.write('y')), 200);
      await until('all are cut off', () => closed() === lines.length, 120_000).finally(() => clearInterval(dripping));
      expect(one?.received).toContain('408');
    });
    await dialMany(lines.length + 200, `${post}transfer-encoding: chunked\r\n\r\n`);
    const dripping = setInterval(() => lines.forEach(({ socket }) => socket.write('1\r\n \r\n')), 200);
    await working(() => until('all are cut off', () => closed() === lines.length, 120_000)).finally(() =>
      clearInterval(dripping),
    );
    expect(statuses()).toEqual(new Set(['408']));
  });
});
