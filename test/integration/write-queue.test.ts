import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { refuse } from '../helpers/fake-daemon.ts';
import { fake, put, serve, useFakeHome } from '../helpers/fake-home.ts';
import { answering, callsOf, problem, sent, stored } from './write-queue-server.ts';

const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`);

describe('the write queue of a client', () => {
  useFakeHome();

  it('sends what is written at once in order, in few requests, one at a time', async () => {
    let underWay = 0;
    let most = 0;
    await serve((response: ServerResponse, request, number) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay -= 1;
        answering()(response, request, number);
      });
    });
    const answers = await Promise.all(names(2500).map((name) => put(name)));
    expect(answers.map(({ name }) => name)).toEqual(names(2500));
    expect(sent(fake).flat()).toEqual(names(2500));
    expect(sent(fake).map(({ length }) => length)).toEqual([1, 1000, 1000, 499]);
    expect(most).toBe(1);
    const keys = fake.requests.flatMap(callsOf).map(({ key }) => key);
    expect(new Set(keys).size).toBe(2500);
    expect(fake.requests.slice(1).every(({ url: at, headers }) => at === '/v1/batch' && headers['content-type'])).toBe(
      true,
    );
  });

  it('one after another travels alone, by its own route', async () => {
    await serve(answering());
    for (const name of names(3)) expect(await put(name)).toEqual({ name });
    expect(fake.requests.map(({ url: at }) => at)).toEqual(names(3).map((name) => `/v1/apps/test/feeds/${name}`));
  });

  it('resends a batch whole, with the same keys, and what came later behind it', async () => {
    const cut = new Set([1, 2, 4]);
    let later: Promise<unknown> | undefined;
    await serve((response, request, number) => {
      if (number === 4) later = put('later');
      if (cut.has(number)) response.destroy();
      else answering()(response, request, number);
    });
    await Promise.all(names(4).map((name) => put(name, {}, { key: `key of ${name}` })));
    await later;
    const [alone, rest] = [['n0'], ['n1', 'n2', 'n3']];
    expect(sent(fake)).toEqual([alone, alone, alone, rest, [...rest, 'later']]);
    const [first, second] = fake.requests.slice(3).map(callsOf);
    expect(second?.slice(0, 3)).toEqual(first);
    expect(
      fake.requests
        .slice(0, 4)
        .flatMap(callsOf)
        .every(({ key, input }) => key === `key of ${input.name}`),
    ).toBe(true);
  });

  it('a daemon that is busy gets the batch again, the same', async () => {
    await serve((response, request, number) =>
      number === 2 ? refuse(response, 'shutting_down') : answering()(response, request, number),
    );
    await Promise.all(names(5).map((name) => put(name)));
    const [, second, third] = fake.requests;
    expect(second?.url).toBe('/v1/batch');
    expect(third?.body).toBe(second?.body);
  });

  it('a call that is refused rejects that call only', async () => {
    await serve(
      answering((call, request) => (call.input.name === 'n2' ? problem('exists', false) : stored(call, request))),
    );
    const outcomes = await Promise.allSettled(names(5).map((name) => put(name)));
    expect(outcomes.map(({ status }) => status)).toEqual(
      [1, 1, 0, 1, 1].map((good) => (good ? 'fulfilled' : 'rejected')),
    );
    expect(outcomes[2]).toMatchObject({ reason: { code: 'exists', status: 409, requestId: 'request-1' } });
    expect(fake.requests).toHaveLength(2);
  });

  it('a result that may be tried again sends that call again, with its key, and no other', async () => {
    await serve(
      answering((call, request) =>
        request === 2 && call.input.name === 'n2' ? problem('busy', true) : stored(call, request),
      ),
    );
    await Promise.all(names(4).map((name) => put(name)));
    expect(sent(fake)).toEqual([['n0'], ['n1', 'n2', 'n3'], ['n2']]);
    const calls = fake.requests.flatMap(callsOf).filter(({ input }) => input.name === 'n2');
    expect(new Set(calls.map(({ key }) => key)).size).toBe(1);
  });

  it('takes the input as it is at the call', async () => {
    await serve(answering());
    const metadata = { n: 0, deep: { list: [0] } };
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 3; n++) {
      [metadata.n, metadata.deep.list[0]] = [n, n];
      calls.push(put(`n${n}`, { metadata }));
    }
    metadata.n = 99;
    await Promise.all(calls);
    const seen = fake.requests.flatMap(callsOf).map(({ input }) => (input as unknown as { metadata: object }).metadata);
    expect(seen).toEqual([0, 1, 2].map((n) => ({ n, deep: { list: [n] } })));
  });

  it('an input that no JSON holds is refused, and the others are sent', async () => {
    await serve(answering());
    const outcomes = await Promise.allSettled([put('n0'), put('n1', { metadata: { n: 1n } }), put('n2')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sent(fake)).toEqual([['n0'], ['n2']]);
  });

  it('a write of more than 4 MiB travels alone, in its place', async () => {
    await serve(answering());
    const big = { metadata: { text: 'x'.repeat(4 * 1024 * 1024) } };
    await Promise.all([put('n0'), put('n1'), put('big', big), put('n3'), put('n4')]);
    expect(sent(fake)).toEqual([['n0'], ['n1'], ['big'], ['n3', 'n4']]);
    expect(fake.requests[2]?.url).toBe('/v1/apps/test/feeds/big');
  });

  it('a batch holds at most 4 MiB', async () => {
    await serve(answering());
    const half = { metadata: { text: 'x'.repeat(1536 * 1024) } };
    await Promise.all(names(6).map((name) => put(name, half)));
    expect(sent(fake)).toEqual([['n0'], ['n1', 'n2'], ['n3', 'n4'], ['n5']]);
    expect(Math.max(...fake.requests.map(({ body }) => body.length))).toBeLessThan(4 * 1024 * 1024);
  });
});
