import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { linesOf, messagesIn, messagesOf, open, rest, type Line } from '../helpers/streams.ts';

// Invariant: a stop ends a stream so that its reader knows: lines end with a `problem`, anything else is cut.

const count = 1000;
const fill = async (home: TestHome) => {
  const client = home.client();
  await client.sessions.create({ id: 'big' });
  const messages = Array.from({ length: count }, (_, index) => ({ n: index + 1, x: 'x'.repeat(10_000) }));
  await client.sessions.append({ id: 'big', messages });
  return client;
};
const exportOf = (format: string, id = 'big') => `/v1/apps/test/sessions/${id}/export?format=${format}`;
const numbers = (lines: Line[]) => messagesIn(lines).map(({ n }) => n);
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

describe('the daemon is stopped while a session is streamed', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'fastify/sse#57: %s: the stream ends with a problem, and reading goes on after it',
    async (signal) => {
      await using home = new TestHome();
      const daemon = await home.start();
      const client = await fill(home);
      const began = await open(home.paths.socket, messagesOf('big'));
      daemon.child.kill(signal);
      const { text, complete } = await rest(began);
      const lines = linesOf(text);
      expect(complete).toBe(true);
      expect(lines.at(-1)).toMatchObject({ problem: { code: 'shutting_down', status: 503, retryable: true } });
      const last = lines.length - 1;
      expect(numbers(lines)).toEqual(upTo(last));
      expect(last).toBeLessThan(count);
      expect(await daemon.exited).toEqual({ code: 0, signal: null });

      await home.start();
      const others = await Array.fromAsync(client.sessions.stream({ id: 'big', after: last }));
      expect(others.filter((line) => 'seq' in line)).toHaveLength(count - last);
    },
  );

  it('fastify/fastify#3617: a reader that never reads does not keep it from stopping', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    await fill(home);
    const stopped = await open(home.paths.socket, messagesOf('big'));
    expect(await daemon.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const { text, complete } = await rest(stopped);
    expect(complete && 'end' in (linesOf(text).at(-1) ?? {})).toBe(false);
  });

  it.each(['markdown', 'json'] as const)(
    'an export as %s is cut, so that half of it does not look whole',
    async (format) => {
      await using home = new TestHome();
      const daemon = await home.start();
      await fill(home);
      const began = await open(home.paths.socket, exportOf(format), {});
      daemon.child.kill('SIGTERM');
      expect(await rest(began)).toMatchObject({ status: 200, complete: false });
      expect(await daemon.exited).toEqual({ code: 0, signal: null });
    },
  );

  it('an export as lines ends with a problem', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    await fill(home);
    const began = await open(home.paths.socket, exportOf('ndjson'), {});
    daemon.child.kill('SIGTERM');
    const { text, complete } = await rest(began);
    expect([complete, linesOf(text).at(-1)]).toMatchObject([true, { problem: { code: 'shutting_down' } }]);
  });
});
