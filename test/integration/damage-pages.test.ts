import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, HoldfastError } from '../../client/index.ts';
import { holdfast, watching } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { until } from '../helpers/wait.ts';
import { blankRows } from './claudelet-cells.ts';

// Invariant: a page of the log that cannot be read hides nothing but what it held, and that is told by name or place.

const count = 60;
const all = Array.from({ length: count }, (_, n) => n + 1);
let home: TestHome;
let client: Client;
/** The numbers of the messages on the page. */
let lost: number[];
/** What was found before. */
let sound: Awaited<ReturnType<typeof search>>;

/** The hits, and which of them are damaged. */
async function search(input: object = {}) {
  const { items } = await client.search.messages({ q: 'heron', limit: 100, ...input });
  const found = items.toSorted((a, b) => a.seq - b.seq);
  return { seqs: found.map(({ seq }) => seq), damaged: found.filter((item) => 'damaged' in item) };
}

beforeAll(async () => {
  home = new TestHome();
  const daemon = await home.start();
  client = home.client();
  await client.sessions.replace({ id: 'early', messages: [{ id: 'first' }] });
  const messages = all.map((n) => ({ id: `m${n}`, content: `heron ${'x'.repeat(300)}` }));
  await client.sessions.replace({ id: 'talk', messages });
  sound = await search({ fresh: true });
  const [{ position } = { position: '' }] = await taken(
    client.changes({ after: '0', kind: ['message'], id: ['m1'] }),
    1,
  );
  await daemon.end();
  const first = Number(position.split('.')[1]);
  lost = blankRows(home.paths.database, 'log', first + 29).map((rowid) => rowid - first + 1);
  await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

/** So many of them. */
async function taken<T>(items: AsyncIterable<T>, most: number): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === most) break;
  return found;
}

it('red control: nothing was, before a page among others', () => {
  expect(sound).toEqual({ seqs: all, damaged: [] });
  expect(lost.length).toBeGreaterThan(3);
  expect([lost[0], lost.at(-1)].every((seq = 0) => seq > 10 && seq < 50)).toBe(true);
});

/** What a search says of what is lost. */
const named = () =>
  lost.map((seq) => ({
    app: 'test',
    session: 'talk',
    seq,
    id: `m${seq}`,
    damaged: { reason: 'its row cannot be read' },
  }));

describe('a search', () => {
  it('shows all hits, and those that are lost by their names', async () => {
    expect(await search()).toEqual({ seqs: all, damaged: named() });
    expect(await search({ session: 'talk' })).toEqual({ seqs: all, damaged: named() });
  });

  it('does not leave them out because their time is not known', async () => {
    expect(await search({ after: '2020-01-01T00:00:00Z' })).toEqual({ seqs: all, damaged: named() });
  });
});

describe('the change stream', () => {
  it('tells what is before, says what is lost, and goes on behind it', async () => {
    const told: (number | null)[] = [];
    const follow = async (after: string, most: number) => {
      for await (const { seq } of client.changes({ after, id: ['talk'], kind: ['message'] }))
        if (told.push(seq) === most) break;
    };
    const error = await follow('0', count).catch((thrown: unknown) => thrown as HoldfastError);
    expect(error).toMatchObject({ code: 'damaged', details: { floor: expect.any(String) as string } });
    expect(told).toEqual(all.filter((seq) => seq < (lost[0] ?? 0)));
    const { floor = '' } = (error as HoldfastError).details;
    expect((error as HoldfastError).message).toContain(` to ${floor} cannot be read`);
    await follow(floor, count - lost.length);
    expect(told).toEqual(all.filter((seq) => !lost.includes(seq)));
  });

  it('holdfast watch says so and goes on', async () => {
    const { code, stdout, stderr } = await holdfast(home, [
      'watch',
      '--after=0',
      '--id=talk',
      '--limit',
      String(count - lost.length + 1),
    ]);
    expect([code, stdout.match(/message/g)?.length]).toEqual([0, count - lost.length]);
    expect(stderr).toMatch(/^holdfast: The changes from \S+ to \S+ cannot be read, [^\n]*\n$/);
  });

  it('holdfast sessions tail --follow goes on', async () => {
    const tail = watching(home, 'sessions', 'tail', 'early', '--app=test', '--follow');
    await until('it shows what there is', () => tail.text.includes('#1'));
    await client.sessions.append({ id: 'early', messages: [{ content: 'said later' }] });
    await until('it shows what is new', () => tail.text.includes('said later'));
    expect(tail.text.match(/#\d/g)).toEqual(['#1', '#2']);
    tail.end();
  });
});
