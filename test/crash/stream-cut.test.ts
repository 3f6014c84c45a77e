import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { linesOf, messagesIn, messagesOf, open, rest, type Line } from '../helpers/streams.ts';

// Invariant: whatever breaks a stream, its reader is told: nobody takes a part for the whole, or waits for ever.

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

/** Streams a session, and in the middle exports another one. */
async function streamAndExport(home: TestHome, id: string): Promise<Line[]> {
  const client = await fill(home);
  await client.sessions.create({ id });
  const began = await open(home.paths.socket, messagesOf('big'));
  await curl(home.paths.socket, 'GET', exportOf('json', id)).catch(() => undefined);
  const { text, complete } = await rest(began);
  // Who asks next starts another thread.
  expect(await Array.fromAsync(client.sessions.stream({ id: 'big' }))).toHaveLength(count + 1);
  expect([complete, (await client.system.health()).status]).toEqual([true, 'ok']);
  return linesOf(text);
}

describe('the daemon is killed while a session is streamed', () => {
  it('the client says that it was cut, after every line that came; a later call reads on', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = await fill(home);
    const seen: number[] = [];
    const read = async () => {
      for await (const line of client.sessions.stream({ id: 'big' })) {
        if (!('seq' in line)) continue;
        seen.push(line.seq);
        if (seen.length === 10) await daemon.end('SIGKILL');
      }
    };
    expect(await refusal(read())).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('cut') as string,
    });
    expect(seen).toEqual(upTo(seen.length));
    await home.start();
    for await (const line of client.sessions.stream({ id: 'big', after: seen.length }))
      if ('seq' in line) seen.push(line.seq);
    expect(seen).toEqual(upTo(count));
  });

  it.each(['markdown', 'json', 'ndjson'] as const)('the client says so of an export as %s', async (format) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = await fill(home);
    const read = async () => {
      for await (const text of client.sessions.export({ id: 'big', format })) {
        expect(text).not.toBe('');
        await daemon.end('SIGKILL');
      }
    };
    expect(await refusal(read())).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('cut') as string,
    });
  });

  it('a stream that is asked for while no daemon runs begins when one does', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = await fill(home);
    await daemon.end('SIGKILL');
    const reading = Array.fromAsync(client.sessions.stream({ id: 'big', after: count - 1 }));
    await home.start();
    expect(await reading).toMatchObject([{ seq: count }, { end: { head: count } }]);
  });

  it('red control: a stream that nothing disturbs is whole', async () => {
    await using home = new TestHome();
    await home.start();
    const client = await fill(home);
    const lines = linesOf((await rest(await open(home.paths.socket, messagesOf('big')))).text);
    expect(numbers(lines)).toEqual(upTo(count));
    expect(await Array.fromAsync(client.sessions.stream({ id: 'big' }))).toEqual(lines);
  });
});

describe('the reader thread dies while a session is streamed', () => {
  const preload = pathToFileURL(join(import.meta.dirname, 'kill-reader-thread.ts')).href;
  const env = { NODE_OPTIONS: `--import=${preload}` };

  it('the stream ends with a problem, nobody waits for ever, and the next one is whole', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env });
    const lines = await streamAndExport(home, 'die');
    expect(lines.at(-1)).toMatchObject({ problem: { code: 'busy', retryable: true } });
    expect(numbers(lines)).toEqual(upTo(lines.length - 1));
    expect(await daemon.end()).toEqual({ code: 0, signal: null });
  }, 20_000);

  it('red control: without the sign the same daemon goes on', async () => {
    await using home = new TestHome();
    await home.start({ env });
    expect(numbers(await streamAndExport(home, 'live'))).toEqual(upTo(count));
  });
});
