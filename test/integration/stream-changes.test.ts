import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { linesOf, messagesIn, messagesOf, open, rest, type Line } from '../helpers/streams.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a stream is the session as it was when it began, whatever becomes of the session, or it says that it is
// not. It is held up in the middle here: 10 MB do not fit between the daemon and a reader that does not read.

const count = 1000;
const message = (n: number) => ({ role: n === count ? 'last' : 'user', n, x: 'x'.repeat(10_000) });
const all = Array.from({ length: count }, (_, index) => message(index + 1));
const numbers = all.map(({ n }) => n);
const whole = { end: { head: count, generation: 0, damagedCount: 0 } };
const n = (lines: Line[]) => messagesIn(lines).map((line) => line['n']);

describe('while a session is streamed', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** Streams a session to its end, with what happens once the stream has begun and is held up. */
  async function during(change: (id: string) => Promise<unknown>, { query = '', fork = false } = {}): Promise<Line[]> {
    const { id: parent } = await client.sessions.create();
    await client.sessions.append({ id: parent, messages: all });
    const { id } = fork ? await client.sessions.fork({ id: parent }) : { id: parent };
    const began = await open(home.paths.socket, messagesOf(id, query));
    await change(fork ? parent : id);
    return linesOf((await rest(began)).text);
  }

  /** Erases a session and waits until its rows are gone, which they are some time after the answer. */
  async function erase(id: string): Promise<void> {
    using db = new DatabaseSync(home.paths.database, { readOnly: true });
    const number = Number(db.prepare('SELECT session_no FROM session WHERE id = ?').get(id)?.['session_no']);
    const rows = db.prepare('SELECT count(*) AS n FROM log WHERE branch = ?');
    expect(rows.get(number)?.['n']).toBe(count);
    await client.sessions.delete({ id, erase: true });
    await until('the rows are swept', () => rows.get(number)?.['n'] === 0);
  }

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['is appended to', (id) => client.sessions.append({ id, messages: [{ role: 'late' }] })],
    ['is replaced by others', (id) => client.sessions.replace({ id, messages: [{ other: 1 }], allowShrink: true })],
    ['is emptied', (id) => client.sessions.replace({ id, messages: [], allowShrink: true })],
    ['is deleted', (id) => client.sessions.delete({ id })],
    [
      'is deleted and made anew',
      async (id) => {
        await client.sessions.delete({ id });
        await client.sessions.create({ id });
        await client.sessions.append({ id, messages: [{ role: 'other' }] });
      },
    ],
    ['is taken over', (id) => client.leases.acquire({ id, owner: 'somebody', force: true })],
    ['gets a draft', (id) => client.drafts.put({ id, text: 'so far' })],
  ])('and it %s, it is read as it was', async (_, change) => {
    const lines = await during(change);
    expect(n(lines)).toEqual(numbers);
    expect(lines.at(-1)).toEqual(whole);
  });

  it('and its parent is erased, a fork is whole', async () => {
    const lines = await during((id) => client.sessions.delete({ id, erase: true }), { fork: true });
    expect(n(lines)).toEqual(numbers);
    expect(lines.at(-1)).toEqual(whole);
  });

  it('and it is erased, the stream says so: no message is called damaged that was removed on purpose', async () => {
    const lines = await during(erase);
    expect(lines.filter((line) => 'damaged' in line).length).toBe(0);
    expect(lines.at(-1)).toMatchObject({ problem: { code: 'not_found', status: 404 } });
    expect(n(lines)).toEqual(numbers.slice(0, lines.length - 1));
    expect(lines.length).toBeLessThan(count);
  });

  it('by role and it is erased, the stream says so: it does not end as if there were no more', async () => {
    const lines = await during(erase, { query: '?role=user' });
    expect(lines.at(-1)).toMatchObject({ problem: { code: 'not_found', status: 404 } });
  });

  it('an export is cut when the session is erased, and not filled up with damage', async () => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: all });
    const began = await open(home.paths.socket, `/v1/apps/test/sessions/${id}/export?format=markdown`, {});
    await erase(id);
    const { text, complete } = await rest(began);
    expect({ complete, damaged: text.includes('damaged here') }).toEqual({ complete: false, damaged: false });
  });

  it('red control: a stream that begins after the change shows it', async () => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: all });
    await client.sessions.replace({ id, messages: [{ n: 'other' }], allowShrink: true });
    const lines = linesOf((await rest(await open(home.paths.socket, messagesOf(id)))).text);
    expect(n(lines)).toEqual(['other']);
    expect(lines.at(-1)).toEqual({ end: { head: 1, generation: 1, damagedCount: 0 } });
  });
});
