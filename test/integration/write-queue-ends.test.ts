import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, good, type Answer } from '../helpers/fake-daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import { answering, sent } from './write-queue-server.ts';

const url = 'https://example.org/feed.xml';

/** Answers an atomic batch, not at once. */
const answer: Answer = (response) => void setImmediate(() => good(response, { results: [] }));

describe('the end of a client', () => {
  let folder: string;
  let socket: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
    socket = join(folder, 'x.sock');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('`await using` waits for every write that was made', async () => {
    await using fake = await FakeDaemon.listen(socket, (...of) => void setImmediate(() => answering()(...of)));
    const calls: Promise<{ name: string }>[] = [];
    {
      await using client = connect({ app: 'test', socket });
      for (let n = 0; n < 10; n++) calls.push(client.feeds.put({ name: `n${n}`, url }));
    }
    expect(sent(fake).flat()).toHaveLength(10);
    expect((await Promise.all(calls)).map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, n) => `n${n}`));
    await until('it is disconnected', () => fake.connections === 0);
  });

  it('`await using` waits for an atomic batch', async () => {
    await using fake = await FakeDaemon.listen(socket, answer);
    let call: Promise<unknown> | undefined;
    {
      await using client = connect({ app: 'test', socket });
      call = client.batch.run({ atomic: true, calls: [{ op: 'feeds.put', input: { name: 'x', url } }] });
      call.catch(() => undefined);
    }
    expect(await call).toEqual({ results: [] });
    expect(fake.requests).toHaveLength(1);
  });

  it('close ends at once what is under way and what waits, and says so', async () => {
    await using fake = await FakeDaemon.listen(socket, () => undefined);
    const client = connect({ app: 'test', socket });
    const calls = [1, 2, 3].map((n) => refusal(client.feeds.put({ name: `n${n}`, url })));
    const reads = Array.from({ length: 20 }, () => refusal(client.feeds.list()));
    await until('all that may be is under way', () => fake.requests.length === 16);
    client.close();
    const errors = await Promise.all([...calls, ...reads, refusal(client.feeds.put({ name: 'late', url }))]);
    expect(new Set(errors.map(({ code, message }) => `${code}: ${message}`))).toEqual(
      new Set(['unavailable: The client was closed.']),
    );
    await until('it is disconnected', () => fake.connections === 0);
    expect(fake.requests).toHaveLength(16);
  });

  it('a process ends by itself when all is done, whatever connections stay open', async () => {
    await using home = new TestHome();
    await home.start();
    const module = join(import.meta.dirname, 'write-queue-process.ts');
    const run = (what: string) => runProcess<string>(module, [home.paths.socket, what], {});
    expect(await run('free').done).toEqual(['done']);
    expect((await home.client().feeds.list()).items).toHaveLength(20);
    // Red control: one that has something left to do goes on.
    const held = run('held');
    const ended = held.done.then(
      () => 'ended',
      () => 'was killed',
    );
    await until('it has done its work', async () => (await home.client().feeds.list()).items.length === 40);
    await until('it has disconnected from us', () => !held.child.connected);
    expect(
      await Promise.race([
        ended,
        home
          .client()
          .system.health()
          .then(() => 'goes on'),
      ]),
    ).toBe('goes on');
    held.child.kill('SIGKILL');
    expect(await ended).toBe('was killed');
  });
});
