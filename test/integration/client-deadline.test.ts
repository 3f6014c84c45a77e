import { describe, expect, it } from 'vitest';
import { client, fake, put, serve, useFakeHome } from '../helpers/fake-home.ts';
import { refusal } from '../helpers/refusal.ts';
import { answering, sent } from './write-queue-server.ts';

// Nobody listens at first. What is left unhandled would end an application, and fails a run of vitest.

describe('a deadline', () => {
  useFakeHome();

  // What is left of another deadline: `end - performance.now()`.
  it.each([100.5, 0, -5, Number.NaN])('of %d ms ends the call, and the client goes on', async (deadlineMs) => {
    const calls = [
      put('late', {}, { deadlineMs }),
      client.feeds.list({}, { deadlineMs }),
      client.sessions.stream({ id: 's' }, { deadlineMs }).next(),
      client.changes({}, { deadlineMs }).next(),
    ];
    for (const error of await Promise.all(calls.map(refusal))) expect(error.code).toBe('unavailable');
    const next = put('next');
    await serve(answering());
    expect(await next).toEqual({ name: 'next' });
    expect(sent(fake)).toEqual([['next']]);
  });

  it('that is not more than what the call asks to wait is refused at once, by name', async () => {
    await serve(answering());
    const error = await refusal(client.queues.claim({ queue: 'q', waitMs: 5 }, { deadlineMs: 5 }));
    expect(error.details.errors?.[0]?.path).toBe('waitMs');
    expect(fake.requests).toEqual([]);
  });

  it('of a year is no deadline that is over', async () => {
    const next = put('next', {}, { deadlineMs: 365 * 24 * 3_600_000 });
    await serve(answering());
    expect(await next).toEqual({ name: 'next' });
  });
});
