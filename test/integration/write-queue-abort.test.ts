import { describe, expect, it } from 'vitest';
import type { Answer } from '../helpers/fake-daemon.ts';
import { fake, put, serve, useFakeHome } from '../helpers/fake-home.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';
import { answering, sent } from './write-queue-server.ts';

/** Answers only when told, so that what is written meanwhile gathers. */
function held() {
  const waiting: (() => void)[] = [];
  const answer: Answer = (response, request, number) => void waiting.push(() => answering()(response, request, number));
  return { answer, waiting };
}

describe('a write that is given up', () => {
  useFakeHome();

  it('one call’s signal and deadline end its own waiting, not that of those beside it', async () => {
    const { answer, waiting } = held();
    await serve(answer);
    const controller = new AbortController();
    const calls = [
      put('n0'),
      put('n1', {}, { signal: controller.signal }),
      put('n2', {}, { deadlineMs: 2000 }),
      put('n3'),
    ];
    const outcomes = Promise.allSettled(calls);
    await until('the first is under way', () => waiting.length === 1);
    waiting.shift()?.();
    await until('the others are under way', () => waiting.length === 1);
    controller.abort(new Error('given up'));
    await expect(calls[1]).rejects.toThrow('given up');
    expect(await refusal(calls[2] as Promise<unknown>)).toMatchObject({ code: 'unavailable' });
    expect(fake.connections).toBe(1);
    waiting.shift()?.();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(sent(fake)).toEqual([['n0'], ['n1', 'n2', 'n3']]);
  });

  it('one given up before it is sent is not sent; of a signal that is aborted already nothing is', async () => {
    const { answer, waiting } = held();
    await serve(answer);
    const controller = new AbortController();
    const first = put('n0');
    const second = put('n1', {}, { signal: controller.signal });
    const third = put('n2');
    controller.abort(new Error('given up'));
    await expect(second).rejects.toThrow('given up');
    await expect(put('n3', {}, { signal: controller.signal })).rejects.toThrow('given up');
    await until('the first is under way', () => waiting.length === 1);
    waiting.shift()?.();
    await until('the next is under way', () => waiting.length === 1);
    waiting.shift()?.();
    await Promise.all([first, third]);
    expect(sent(fake)).toEqual([['n0'], ['n2']]);
  });

  it('a request nobody waits for any more is cut, so that the next is not held up', async () => {
    await serve((response, request, number) => {
      if (number > 2) answering()(response, request, number);
    });
    // Alone, and as a batch: neither is ever answered.
    const first = refusal(put('n0', {}, { deadlineMs: 1000 }));
    await until('the first is under way', () => fake.requests.length === 1);
    const controller = new AbortController();
    const batch = Promise.allSettled(['n1', 'n2'].map((name) => put(name, {}, { signal: controller.signal })));
    await first;
    await until('the batch is under way', () => fake.requests.length === 2);
    const next = put('n3');
    controller.abort();
    expect(await next).toEqual({ name: 'n3' });
    expect((await batch).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(sent(fake)).toEqual([['n0'], ['n1', 'n2'], ['n3']]);
    await until('their connections are closed', () => fake.connections === 1);
  });
});
