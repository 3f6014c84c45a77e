import { join } from 'node:path';
import { connect as connectSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, good } from '../helpers/fake-daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const url = 'https://example.org/feed.xml';
const outcome = (call: Promise<unknown>) => call.catch((error: unknown) => error);

describe('the client', () => {
  let home: TestHome;
  let client: Client;
  beforeEach(() => {
    home = new TestHome();
    client = home.client();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'waits while the daemon is restarted by %s, and each write happens once',
    async (signal) => {
      let daemon = await home.start();
      const ids = ['a', 'b', 'c', 'd'];
      for (const id of ids) await client.sessions.create({ id });
      let done = 0;
      const ended = new AbortController();
      // At each end of the daemon all of them are in the middle of a write.
      const write = async (id: string) => {
        let n = 0;
        for (; n < 100 || !ended.signal.aborted; n++, done++)
          await client.sessions.append({ id, messages: [{ n }], usage: { inputTokens: 1 } });
        return n;
      };
      const writers = Promise.all(ids.map(write));
      for (const share of [40, 120]) {
        await until('some is written', () => done >= share);
        await daemon.end(signal);
        const gone = performance.now();
        const read = client.sessions.get({ id: 'a' });
        await until('half a second is over', () => performance.now() > gone + 500);
        daemon = await home.start();
        expect((await read).id).toBe('a');
      }
      ended.abort();
      for (const [index, count] of (await writers).entries()) {
        const id = ids[index] ?? '';
        const messages = itemsOf(await walk((cursor) => client.sessions.messages({ id, limit: 1000, ...cursor })));
        expect(messages.map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n));
        expect((await client.sessions.get({ id })).inputTokens).toBe(count);
      }
    },
  );

  it('gives up at its deadline, naming the socket and what to do', async () => {
    for (const call of [
      () => client.feeds.get({ name: 'x' }, { deadlineMs: 300 }),
      () => client.feeds.put({ name: 'x', url }, { deadlineMs: 300 }),
    ]) {
      const error = await refusal(call());
      expect(error).toMatchObject({ code: 'unavailable', status: 503, retryable: true });
      expect(error.message).toContain(home.paths.socket);
      expect(error.message).toContain('holdfast start');
      expect(error.message).toContain('0.3 s');
    }
  });

  it('gives up on a daemon that does not answer', async () => {
    await home.start();
    const path = join(home.home, 'silent.sock');
    await using fake = await FakeDaemon.listen(path, () => undefined);
    const error = await refusal(home.client({ socket: path, deadlineMs: 2000 }).feeds.put({ name: 'x', url }));
    expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining(path) });
    expect(fake.requests).toHaveLength(1);
  });

  describe('told to stop by a signal, stops at once', () => {
    const reason = new Error('the user pressed Ctrl-C');

    it('before it has sent anything', async () => {
      const path = join(home.home, 'fake.sock');
      await using fake = await FakeDaemon.listen(path, (response) => good(response));
      const own = home.client({ socket: path });
      expect(await outcome(own.feeds.put({ name: 'x', url }, { signal: AbortSignal.abort(reason) }))).toBe(reason);
      await own.feeds.get({ name: 'after' });
      expect(fake.requests.map(({ method }) => method)).toEqual(['GET']);
    });

    it('while it waits for an answer', async () => {
      const path = join(home.home, 'fake.sock');
      await using fake = await FakeDaemon.listen(path, () => undefined);
      const stop = new AbortController();
      const call = outcome(home.client({ socket: path }).feeds.put({ name: 'x', url }, { signal: stop.signal }));
      await until('the request arrives', () => fake.requests.length === 1);
      stop.abort(reason);
      expect(await call).toBe(reason);
      await until('the connection is given up', () => fake.connections === 0);
    });

    it('while it waits for the daemon', async () => {
      const stop = new AbortController();
      const call = outcome(client.feeds.put({ name: 'x', url }, { signal: stop.signal, deadlineMs: 3_600_000 }));
      setImmediate(() => stop.abort(reason));
      expect(await call).toBe(reason);
    });
  });

  it('says who it is', async () => {
    const path = join(home.home, 'fake.sock');
    await using fake = await FakeDaemon.listen(path, (response) => good(response));
    await home.client({ socket: path, client: 'my-cli/1.2' }).feeds.get({ name: 'x' });
    await home.client({ socket: path }).feeds.get({ name: 'x' });
    const said = fake.requests.map(({ headers }) => headers['holdfast-client']);
    expect(said[0]).toBe(`my-cli/1.2; pid=${process.pid}`);
    expect(said[1]).toMatch(/^holdfast-client\/\d+\.\d+\.\d+; pid=\d+$/);
  });

  it('curl/curl#18748: waits while the daemon’s listen queue is full', async () => {
    const path = join(home.home, 'full.sock');
    const { child, done } = runProcess(join(import.meta.dirname, 'full-queue-process.ts'), [path], {});
    let listening = false;
    child.once('message', () => (listening = true));
    await until('it listens', () => listening);
    child.kill('SIGSTOP');
    const queue = [connectSocket(path)];
    let full = false;
    await until('its queue is full', () => {
      if (!full) queue.push(connectSocket(path).on('error', () => (full = true)));
      return full;
    });
    const own = home.client({ socket: path });
    // Linux says EAGAIN, macOS ECONNREFUSED.
    const before = await refusal(own.feeds.put({ name: 'x', url }, { deadlineMs: 200 }));
    expect(before.cause).toMatchObject({ code: expect.stringMatching(/^(EAGAIN|ECONNREFUSED)$/) });
    const call = own.feeds.put({ name: 'x', url });
    for (const socket of queue) socket.destroy();
    child.kill('SIGCONT');
    expect(await call).toEqual({ name: 'x' });
    child.send('end');
    await done;
  });
});
