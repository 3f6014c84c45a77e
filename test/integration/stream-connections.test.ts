import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { openStream } from '../../client/call.ts';
import { Transport } from '../../client/transport.ts';
import { contract } from '../../shared/contract.ts';
import type { Answer } from '../helpers/fake-daemon.ts';
import { client, fake, serve, socket, useFakeHome } from '../helpers/fake-home.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const reason = new Error('no longer wanted');
/** Holds this process up, as a long computation does. */
const holdUp = (end: number) => {
  while (performance.now() < end);
};

/** Something of each kind, and never an end. */
const begun: Answer = (response, { url }) => {
  const text = url.startsWith('/v1/changes') ? 'id: a.1\nevent: change\ndata: {}\n\n' : '{"id":"a","seq":1}\n';
  response.writeHead(200).write(text);
};

describe('the connection of a stream', () => {
  useFakeHome();
  const streams: Record<string, (of: Client) => AsyncIterable<unknown>> = {
    lines: (of) => of.sessions.stream({ id: 's' }),
    text: (of) => of.sessions.export({ id: 's' }),
    changes: (of) => of.changes(),
  };

  it.each(Object.entries(streams))(
    'of %s ends when its loop is left, and when the loop throws',
    async (_kind, open) => {
      await serve(begun);
      for await (const _ of open(client)) {
        // Red control: until then there is one.
        expect(fake.connections).toBe(1);
        break;
      }
      await until('it is closed', () => fake.connections === 0);
      const failing = async () => {
        for await (const _ of open(client)) throw reason;
      };
      await expect(failing()).rejects.toBe(reason);
      await until('it is closed', () => fake.connections === 0);
      expect(fake.requests).toHaveLength(2);
    },
  );

  it('of changes that are waited for between two connections: an abort throws its own reason', async () => {
    await serve((response) => response.writeHead(200).end());
    const control = new AbortController();
    const next = client.changes({}, { signal: control.signal }).next();
    next.catch(() => undefined);
    // By then it waits for longer than it takes to ask.
    await until('it was asked often', () => fake.requests.length === 6);
    control.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  it('opened by a process that is held up between two attempts, past its deadline, is an error', async () => {
    const transport = new Transport(socket, 1);
    const deadlineMs = 500;
    const since = performance.now();
    const call = openStream({
      transport,
      socket,
      options: { app: 'test', deadlineMs },
      note: '',
      operation: contract.sessions.stream,
      input: { id: 's' },
      call: {},
      autostart: async () => {
        // Accepts, and says nothing.
        await serve(() => undefined);
        // The next attempt is waited for when the deadline is over already, and is made before that is seen.
        holdUp(since + deadlineMs + 50);
        setImmediate(() => holdUp(performance.now() + 100));
        return '';
      },
    });
    expect((await refusal(call)).code).toBe('unavailable');
    transport.close();
  }, 20_000);
});
