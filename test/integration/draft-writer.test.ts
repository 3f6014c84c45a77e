import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draftWriter, type Client, type HoldfastError } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { runProcess } from '../helpers/processes.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

type Put = Client['drafts']['put'];
const never = 3_600_000;

describe('the writer of a draft', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const newSession = async () => (await client.sessions.create()).id;
  const textOf = async (id: string) => (await client.drafts.get({ id })).text;

  /** The client, with a look at every put: it gets the text and the call itself. */
  const watched = (look: (text: string, put: () => ReturnType<Put>) => Promise<unknown>) => ({
    ...client,
    drafts: { put: (input: Parameters<Put>[0]) => look(input.text, () => client.drafts.put(input)) },
  });

  it('keeps the newest text within the interval, and few of those before it', async () => {
    const id = await newSession();
    const kept: string[] = [];
    const writer = draftWriter(
      watched((text, put) => (kept.push(text), put())),
      { id, intervalMs: 20 },
    );
    for (let n = 1; n <= 1000; n++) writer.update(`text ${n}`);
    expect(kept).toEqual([]);
    await until('it is kept', async () => (await textOf(id).catch(() => '')) === 'text 1000');
    expect(kept).toEqual(['text 1000']);
  });

  it('writes no oftener than the interval, also when the text changes while it is written', async () => {
    const id = await newSession();
    const kept: string[] = [];
    const first = Promise.withResolvers<void>();
    const intervalMs = 300;
    const writer = draftWriter(
      watched(async (text, put) => {
        kept.push(text);
        first.resolve();
        const answer = await put();
        writer.update(`text ${kept.length + 1}`);
        return answer;
      }),
      { id, intervalMs },
    );
    writer.update('text 1');
    await first.promise;
    // Due before the writer's next turn, however late both are.
    await sleep(intervalMs / 2);
    expect(kept).toHaveLength(1);
    await until('the next is kept', () => kept.length === 2);
  });

  it('has one write under way at most, in order, however slow each is', async () => {
    const id = await newSession();
    const kept: string[] = [];
    let underWay = 0;
    const writer = draftWriter(
      watched(async (text, put) => {
        expect(++underWay).toBe(1);
        const answer = await put();
        for (let turn = 0; turn < 50; turn++) await setImmediate();
        underWay -= 1;
        kept.push(text);
        return answer;
      }),
      { id, intervalMs: 1 },
    );
    for (let n = 1; n <= 200; n++) {
      writer.update(String(n).padStart(3, '0'));
      if (n % 20 === 0) void writer.flush();
      await setImmediate();
    }
    await writer.flush();
    expect(kept).toEqual(kept.toSorted());
    expect(kept.at(-1)).toBe('200');
    expect(await textOf(id)).toBe('200');
  });

  it('flush is answered when the newest text is durable, with nothing to write at once', async () => {
    const id = await newSession();
    const writer = draftWriter(client, { id, intervalMs: never });
    await writer.flush();
    expect((await refusal(client.drafts.get({ id }))).code).toBe('not_found');
    for (const text of ['one', 'two', '']) {
      writer.update(text);
      await Promise.all([writer.flush(), writer.flush()]);
      expect(await textOf(id)).toBe(text);
    }
    writer.update('three');
    const first = writer.flush();
    writer.update('four');
    await Promise.all([first, writer.flush()]);
    expect(await textOf(id)).toBe('four');
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'a flush %i turns after a write has ended leaves no newer text behind',
    async (turns) => {
      const id = await newSession();
      const flushed = Promise.withResolvers<void>();
      const writer = draftWriter(
        watched((text, put) => {
          const answer = put();
          if (text === 'first') {
            const later = async () => {
              await answer;
              for (let turn = 0; turn < turns; turn++) await Promise.resolve();
              writer.update('second');
              await writer.flush();
            };
            later().then(flushed.resolve, flushed.reject);
          }
          return answer;
        }),
        { id, intervalMs: never },
      );
      writer.update('first');
      await writer.flush();
      await flushed.promise;
      expect(await textOf(id)).toBe('second');
    },
  );

  it('keeps the last text when it is disposed, so that leaving its block is enough', async () => {
    const id = await newSession();
    {
      await using writer = draftWriter(client, { id, intervalMs: never });
      writer.update('so far');
    }
    expect(await textOf(id)).toBe('so far');
  });

  it('tells what it could not keep, and goes on with the next text', async () => {
    const id = await newSession();
    const { token } = await client.leases.acquire({ id, owner: 'other' });
    const errors: unknown[] = [];
    const writer = draftWriter(client, { id, intervalMs: 5, onError: (error) => errors.push(error) });
    writer.update('one');
    await until('it is told', () => errors.length === 1);
    expect((errors[0] as HoldfastError).code).toBe('leased');
    writer.update('two');
    await until('it is told', () => errors.length === 2);
    // Who waits for it is told as well.
    expect((await refusal(writer.flush())).code).toBe('leased');
    await client.leases.release({ id, token });
    await writer.flush();
    expect(await textOf(id)).toBe('two');
  });

  it('writes under the lease that it was given, and of the application that it was told', async () => {
    const other = home.client({ app: 'other' });
    await other.sessions.create({ id: 's' });
    const { token } = await other.leases.acquire({ id: 's', owner: 'writer' });
    {
      await using writer = draftWriter(client, { id: 's', app: 'other', lease: token });
      writer.update('so far');
    }
    expect((await other.drafts.get({ id: 's' })).text).toBe('so far');
    await other.leases.acquire({ id: 's', owner: 'thief', force: true });
    const fenced = draftWriter(client, { id: 's', app: 'other', lease: token });
    fenced.update('late');
    expect((await refusal(fenced.flush())).code).toBe('fenced');
    expect((await other.drafts.get({ id: 's' })).text).toBe('so far');
  });

  it('C4: what an application that is killed while it streams has written is there', async () => {
    const id = await newSession();
    const module = join(import.meta.dirname, 'draft-process.ts');
    const { child, done } = runProcess<number>(module, [id], { HOLDFAST_HOME: home.home });
    const ended = done.catch(() => undefined);
    let words = 0;
    child.on('message', (count) => (words = Number(count)));
    const kept = () => textOf(id).catch(() => '');
    const seen = await until('much is kept', async () => (await kept()).split(' ').length > 20 && kept(), 30_000);
    child.kill('SIGKILL');
    await ended;
    const left = await kept();
    // A whole text of that moment or a later one, never a mixture.
    expect(left.startsWith(seen)).toBe(true);
    expect(left.split(' ')).toEqual(left.split(' ').map((_, n) => `word-${n + 1}`));
    expect(words).toBeGreaterThanOrEqual(left.split(' ').length - 1);
  });
});
