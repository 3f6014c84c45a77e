import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

const url = 'https://example.org/feed.xml';

/** A home with a session of three messages, three sessions and three feeds. */
async function fill(home: TestHome) {
  const daemon = await home.start();
  const client = home.client();
  for (const name of ['a', 'b', 'c']) {
    await client.feeds.put({ name, url });
    await client.sessions.create({ id: name });
  }
  await client.sessions.append({ id: 'a', messages: [{}, {}, {}] });
  return { daemon, client };
}

type List = (client: Client, input: { cursor?: string; limit?: number }) => Promise<{ nextCursor: string | null }>;
const lists: [string, List][] = [
  ['feeds', (client, input) => client.feeds.list(input)],
  ['feeds by creation', (client, input) => client.feeds.list({ ...input, sort: 'createdAt' })],
  ['sessions', (client, input) => client.sessions.list(input)],
  ['sessions by id', (client, input) => client.sessions.list({ ...input, sort: 'id' })],
  ['messages', (client, input) => client.sessions.messages({ id: 'a', ...input })],
  ['feeds, last first', (client, input) => client.feeds.list({ ...input, order: 'desc' })],
  ['sessions, last first', (client, input) => client.sessions.list({ ...input, sort: 'id', order: 'desc' })],
  ['messages, last first', (client, input) => client.sessions.messages({ id: 'a', ...input, order: 'desc' })],
];

const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const named = { code: 'invalid_input', details: { errors: [{ path: 'cursor' }] } };

describe('a cursor', () => {
  let home: TestHome;
  let other: TestHome;
  let client: Client;
  let elsewhere: Client;
  let daemon: DaemonProcess;
  beforeAll(async () => {
    [home, other] = [new TestHome(), new TestHome()];
    ({ client, daemon } = await fill(home));
    elsewhere = (await fill(other)).client;
  });
  afterAll(() => Promise.all([home[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]));

  const cursorOf = async (list: List, from = client) => {
    const { nextCursor } = await list(from, { limit: 1 });
    expect(nextCursor).toEqual(expect.any(String));
    return nextCursor ?? '';
  };

  describe.each(lists)('of %s', (_, list) => {
    it('that is none is refused by name', async () => {
      const good = await cursorOf(list);
      const [epoch, first] = JSON.parse(Buffer.from(good, 'base64url').toString()) as string[];
      const none = ['x', '', 'null', good.slice(0, -3), good.slice(4), `x${good}`, 'x'.repeat(2001)];
      const forged = [[epoch], [epoch, first], [epoch, first, 1, 2, 3, 4], [epoch, {}, []], { epoch }].map(json);
      for (const cursor of [...none, ...forged]) expect(await refusal(list(client, { cursor }))).toMatchObject(named);
    });

    it('with values that no place has is refused by name, not answered as the end', async () => {
      const [epoch, first] = JSON.parse(Buffer.from(await cursorOf(list), 'base64url').toString()) as string[];
      for (const place of [
        [epoch, null, null],
        [epoch, first, null],
        [epoch, first, null, null],
        [epoch, first, null, null, null],
        [epoch, first, {}, [], '1'],
      ]) {
        expect(await refusal(list(client, { cursor: json(place) }))).toMatchObject(named);
      }
    });

    it('of another list or order is refused, not taken for a place in this one', async () => {
      for (const [, another] of lists.filter(([, each]) => each !== list)) {
        const { code } = await refusal(list(client, { cursor: await cursorOf(another) }));
        expect(['invalid_input', 'reset']).toContain(code);
      }
    });

    it('of another store is told to start anew', async () => {
      const cursor = await cursorOf(list, elsewhere);
      expect(await refusal(list(client, { cursor }))).toMatchObject({ code: 'reset', status: 410, retryable: false });
    });
  });

  it('is good over a restart', async () => {
    const places = await Promise.all(lists.map(async ([, list]) => ({ list, cursor: await cursorOf(list) })));
    const rest = () => Promise.all(places.map(({ list, cursor }) => list(client, { cursor })));
    const before = await rest();
    await daemon.end();
    await home.start();
    expect(await rest()).toEqual(before);
  });
});
