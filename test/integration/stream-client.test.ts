import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, refuse, type Answer } from '../helpers/fake-daemon.ts';
import { refusal } from '../helpers/refusal.ts';

const end = { end: { head: 1, generation: 0, damagedCount: 0 } };
const line = (value: object) => `${JSON.stringify(value)}\n`;
const outcome = (call: Promise<unknown>) => call.catch((error: unknown) => error);
const all = (client: Client, input: Parameters<Client['sessions']['stream']>[0]) =>
  Array.fromAsync(client.sessions.stream(input));

describe('a stream read by the client', () => {
  const count = 1000;
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.sessions.create({ id: 'big' });
    const messages = Array.from({ length: count }, (_, n) => ({
      role: n % 2 ? 'user' : 'tool',
      x: 'x'.repeat(10_000),
    }));
    await client.sessions.append({ id: 'big', messages });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('is an async iterator of its lines, with the filters of pages', async () => {
    const lines = await Array.fromAsync(client.sessions.stream({ id: 'big', role: 'user', after: 990 }));
    const messages = [992, 994, 996, 998, 1000].map((seq) => ({ seq, role: 'user' }));
    expect(lines).toMatchObject([...messages, { end: { head: count } }]);
  });

  it('asks for nothing until it is iterated, and is iterated once', async () => {
    const stream = client.sessions.stream({ id: 'nowhere' });
    await client.sessions.create({ id: 'nowhere' });
    expect(await Array.fromAsync(stream)).toEqual([{ end: { head: 0, generation: 0, damagedCount: 0 } }]);
    expect(await Array.fromAsync(stream)).toEqual([]);
  });

  it('throws what the daemon refuses with', async () => {
    expect(await refusal(all(client, { id: 'missing' }))).toMatchObject({ code: 'not_found', status: 404 });
    expect(await refusal(all(client, { id: 'big', expectedGeneration: 4 }))).toMatchObject({
      code: 'stale',
      details: { current: count, generation: 0 },
    });
    expect(await refusal(all(client, { id: 'x\ud800' }))).toMatchObject({ code: 'invalid_input' });
  });

  it('has a connection of its own: loops may be inside loops, and calls too, however few connections those have', async () => {
    const few = home.client({ maxSockets: 1 });
    const firstOf = async (depth: number): Promise<number> => {
      for await (const each of few.sessions.stream({ id: 'big' })) {
        expect(each).toMatchObject({ seq: 1 });
        expect((await few.system.health()).status).toBe('ok');
        return depth === 0 ? 1 : 1 + (await firstOf(depth - 1));
      }
      return 0;
    };
    expect(await firstOf(20)).toBe(21);
  });

  it('lets calls be made between its lines', async () => {
    const { id } = await client.sessions.create();
    let appended = 0;
    for await (const each of client.sessions.stream({ id: 'big' })) {
      if ('seq' in each && each.seq % 250 === 0)
        appended = (await client.sessions.append({ id, messages: [{ n: 1 }] })).head;
    }
    expect(appended).toBe(4);
  });

  it('aborted before it begins, or in the middle, throws the reason that was given', async () => {
    const reason = new Error('no longer wanted');
    const read = async (controller: AbortController, abortAt: number) => {
      const seen: number[] = [];
      for await (const each of client.sessions.stream({ id: 'big' }, { signal: controller.signal })) {
        if ('seq' in each) seen.push(each.seq);
        if (seen.length === abortAt) controller.abort(reason);
      }
      return seen;
    };
    expect(await outcome(read(new AbortController(), Infinity))).toHaveLength(count);
    const before = new AbortController();
    before.abort(reason);
    expect(await outcome(read(before, Infinity))).toBe(reason);
    expect(await outcome(read(new AbortController(), 5))).toBe(reason);
  });

  it('an aborted export throws the reason too', async () => {
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const read = async () => {
      for await (const text of client.sessions.export({ id: 'big' }, { signal: controller.signal })) {
        if (text !== '') controller.abort(reason);
      }
    };
    expect(await outcome(read())).toBe(reason);
  });
});

const readS = (client: Client) => all(client, { id: 's' });
const cutAfterOne: Answer = (response) => {
  response.writeHead(200).write(line({ id: 'a', seq: 1 }), () => response.destroy());
};

/** What becomes of a call to a daemon that answers so. */
async function asked(answer: Answer, call: (client: Client) => Promise<unknown>, deadlineMs = 30_000) {
  await using home = new TestHome();
  mkdirSync(home.paths.state, { recursive: true, mode: 0o700 });
  await using fake = await FakeDaemon.listen(home.paths.socket, answer);
  const result = await outcome(call(home.client({ deadlineMs })));
  return { result, requests: fake.requests.length, accept: fake.requests[0]?.headers.accept };
}

describe('a stream whose daemon is told what to answer', () => {
  it('is asked for by its type, and opened again while the daemon is busy or breaks off before it answers', async () => {
    const answer: Answer = (response, _, number) => {
      if (number === 1) refuse(response, 'busy');
      else if (number === 2) response.destroy();
      else response.writeHead(200).end(line({ id: 'a', seq: 1 }) + line(end));
    };
    expect(await asked(answer, readS)).toEqual({
      result: [{ id: 'a', seq: 1 }, end],
      requests: 3,
      accept: 'application/x-ndjson',
    });
  });

  it('is not asked for again once it flows: whoever reads knows how far it came', async () => {
    expect(await asked(cutAfterOne, readS)).toMatchObject({
      result: { code: 'unavailable', retryable: true },
      requests: 1,
    });
  });

  it('may take longer than a call may, once it has begun', async () => {
    const answer: Answer = (response) => {
      response.writeHead(200).write(line({ id: 'a', seq: 1 }));
      // The deadline has passed twice.
      void once(AbortSignal.timeout(2000), 'abort').then(() => response.end(line(end)));
    };
    expect(await asked(answer, readS, 1000)).toMatchObject({ result: [{ id: 'a', seq: 1 }, end], requests: 1 });
  });

  it('that does not begin within the deadline is an error', async () => {
    expect(await asked(() => undefined, readS, 1000)).toMatchObject({ result: { code: 'unavailable' }, requests: 1 });
  });
});
