import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refused } from '../helpers/refusal.ts';
import { asLines, linesOf, messagesIn, messagesOf, open, readAll, rest, type Line } from '../helpers/streams.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const roles = ['user', 'assistant', 'tool'];
const roleOf = (seq: number) => roles[seq % 3] ?? '';
const end = (head: number) => ({ end: { head, generation: 0, damagedCount: 0 } });
const seqs = (all: Line[]) => messagesIn(all).map(({ seq }) => seq);
const big = () => ({ x: 'x'.repeat(100_000) });

describe('a stream of messages', () => {
  let home: TestHome;
  let client: Client;
  let socket: string;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    socket = home.paths.socket;
    await client.sessions.create({ id: 'long' });
    await client.sessions.append({ id: 'long', messages: range(1, 700).map((n) => ({ role: roleOf(n), n })) });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const lines = async (id: string, query = '') => {
    const { status, type, text, complete } = await readAll(socket, messagesOf(id, query));
    expect({ status, type, complete }).toEqual({ status: 200, type: 'application/x-ndjson', complete: true });
    return linesOf(text);
  };

  it('is every message in order, over many slices, and an end that names the head', async () => {
    const all = await lines('long');
    expect(all.slice(0, -1)).toEqual(
      itemsOf(await walk((cursor) => client.sessions.messages({ id: 'long', ...cursor }))),
    );
    expect(all.at(-1)).toEqual(end(700));
    expect(seqs(all)).toEqual(range(1, 700));
  });

  it('of an empty session is its end', async () => {
    const { id } = await client.sessions.create();
    expect(await lines(id)).toEqual([end(0)]);
    expect(await lines(id, '?after=5&role=user')).toEqual([end(0)]);
  });

  it.each([
    ['?after=690', range(691, 700)],
    ['?before=11', range(1, 10)],
    ['?after=255&before=259', [256, 257, 258]],
    ['?after=700', []],
    ['?after=9007199254740991', []],
    ['?before=0', []],
    ['?before=100000', range(1, 700)],
    ['?after=20&before=10', []],
    ['?role=tool', range(1, 700).filter((n) => roleOf(n) === 'tool')],
    ['?role=tool&after=300&before=303', [302]],
    ['?role=nobody', []],
    ['?expectedGeneration=0&after=699', [700]],
  ])('with %s is what that asks for, and its end names the head of the session', async (query, expected) => {
    const all = await lines('long', query);
    expect(seqs(all)).toEqual(expected);
    expect(all.at(-1)).toEqual(end(700));
  });

  it('is of a fork what the fork shows: its parent’s messages up to there, then its own', async () => {
    const { id } = await client.sessions.fork({ id: 'long', upTo: 300 });
    const { id: second } = await client.sessions.fork({ id, upTo: 290 });
    await client.sessions.append({ id: second, messages: [{ own: 1 }, { own: 2 }] });
    const all = await lines(second, '?after=254');
    expect(seqs(all)).toEqual(range(255, 292));
    expect(messagesIn(all).map(({ n, own }) => n ?? own)).toEqual([...range(255, 290), 1, 2]);
  });

  it('ends at the head that the session had when it began, whatever is appended meanwhile', async () => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: range(1, 100).map(big) });
    const began = await open(socket, messagesOf(id));
    for (const n of range(1, 5)) await client.sessions.append({ id, messages: [{ late: n }] });
    const all = linesOf((await rest(began)).text);
    expect(seqs(all)).toEqual(range(1, 100));
    expect(all.at(-1)).toEqual(end(100));
    expect(seqs(await lines(id, '?after=99'))).toEqual(range(100, 105));
  });

  it.each([
    ['404 not_found', 'nowhere', ''],
    ['412 stale', 'long', '?expectedGeneration=1'],
    ['400 invalid_input', 'long', '?after=-1'],
    ['400 invalid_input', 'long', '?before=x'],
    ['400 invalid_input', 'long', '?limit=10'],
    ['400 invalid_input', 'long', '?cursor=x'],
    ['400 invalid_input', 'long', '?last=5'],
    ['400 invalid_input', 'a%00b', ''],
  ])('that cannot begin is a problem document: %s for %s%s', async (problem, id, query) => {
    const reply = await readAll(socket, `/v1/apps/test/sessions/${id}/messages${query}`, asLines);
    expect(reply.type).toMatch(/^application\/problem\+json/);
    expect(refused({ ...reply, json: JSON.parse(reply.text) as unknown })).toBe(problem);
  });

  it('of a deleted session cannot begin, and begins again when it is restored', async () => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: [{ n: 1 }] });
    await client.sessions.delete({ id });
    expect((await readAll(socket, messagesOf(id))).status).toBe(404);
    await client.sessions.restore({ id });
    expect(seqs(await lines(id))).toEqual([1]);
  });
});
