import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refused } from '../helpers/refusal.ts';
import { asLines, linesOf, messagesOf, open, readAll, rest } from '../helpers/streams.ts';
import { until } from '../helpers/wait.ts';

// Invariant: 64 streams at a time, and every way in which one can end gives its place back.

const most = 64;

describe('streams at a time', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let socket: string;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    socket = home.paths.socket;
    const client = home.client();
    await client.sessions.create({ id: 'small' });
    await client.sessions.append({ id: 'small', messages: [{ n: 1 }] });
    await client.sessions.create({ id: 'big' });
    // More than the buffers between the daemon and a reader hold.
    const messages = Array.from({ length: 1000 }, (_, n) => ({ n, x: 'x'.repeat(3000) }));
    await client.sessions.append({ id: 'big', messages });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const opened: Awaited<ReturnType<typeof open>>[] = [];
  const hold = async (times: number) => {
    const all = await Promise.all(Array.from({ length: times }, () => open(socket, messagesOf('big'))));
    opened.push(...all);
    return all.map(({ statusCode }) => statusCode);
  };
  const leave = () => {
    for (const response of opened.splice(0)) response.destroy();
  };
  /** Resolves when as many streams are open as can be: none of the earlier ones holds its place. */
  const allFree = async () => {
    leave();
    await until('all places are free', async () => {
      const response = await open(socket, messagesOf('big'));
      if (response.statusCode === 200) opened.push(response);
      else response.destroy();
      return opened.length === most;
    });
    leave();
  };
  afterEach(leave);

  it('are 64: one more is told that the daemon is busy and may ask again, and then can', async () => {
    expect(new Set(await hold(most))).toEqual(new Set([200]));
    const reply = await curl(socket, 'GET', messagesOf('small'), { headers: { accept: 'application/x-ndjson' } }).catch(
      () => undefined,
    );
    expect(reply && refused(reply)).toBe('503 busy');
    expect(reply?.headers['retry-after']).toBe('1');
    // Pages and everything else are served.
    expect((await curl(socket, 'GET', messagesOf('small'))).status).toBe(200);
    expect((await curl(socket, 'GET', '/v1/health')).status).toBe(200);
    opened[0]?.destroy();
    await until('a place is free', async () => (await readAll(socket, messagesOf('small'))).status === 200);
    expect(linesOf((await readAll(socket, messagesOf('small'))).text)).toHaveLength(2);
  });

  it('that were held up come whole when they are read', async () => {
    await hold(8);
    const all = await Promise.all(opened.slice(-8).map(rest));
    expect(all.map(({ text, complete }) => [linesOf(text).length, complete])).toEqual(all.map(() => [1001, true]));
    await allFree();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['read to the end', () => readAll(socket, messagesOf('small'))],
    ['left in the middle', async () => (await open(socket, messagesOf('big'))).destroy()],
    ['of a session that is not there', () => readAll(socket, messagesOf('nowhere'))],
    ['of a generation that is not now', () => readAll(socket, messagesOf('small', '?expectedGeneration=5'))],
    ['asked for by HEAD', () => curl(socket, 'HEAD', messagesOf('big'), { headers: asLines })],
    ['exported by HEAD', () => curl(socket, 'HEAD', '/v1/apps/test/sessions/big/export')],
    ['exported and left', async () => (await open(socket, '/v1/apps/test/sessions/big/export', {})).destroy()],
    [
      'left before it is answered',
      async () => {
        const leaving = connect(socket).resume();
        const request = `GET ${messagesOf('big')} HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n`;
        await new Promise((written) => leaving.write(request, written));
        leaving.destroy();
        await once(leaving, 'close');
      },
    ],
    [
      'asked for ten times over one connection that is then closed',
      async () => {
        const leaving = connect(socket).resume();
        const request = `GET ${messagesOf('big')} HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n`;
        await new Promise((written) => leaving.write(request.repeat(10), written));
        await once(leaving, 'data');
        leaving.destroy();
        await once(leaving, 'close');
      },
    ],
  ])('%s give their places back, 70 of them', async (_, stream) => {
    for (let time = 0; time < 7; time++) await Promise.all(Array.from({ length: 10 }, stream));
    await allFree();
    const failures = daemon.log.filter(({ level, code }) => Number(level) >= 50 && code !== 'busy');
    expect(failures).toEqual([]);
  });
});
