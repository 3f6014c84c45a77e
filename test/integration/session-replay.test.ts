import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import type { JsonObject } from '../../shared/json.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

describe('a message that is sent again', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const [one, two, three] = ['one', 'two', 'three'].map((id) => ({ id, role: 'user', text: `This is ${id}` }));
  const newSession = async (...messages: JsonObject[]) => {
    const { id } = await client.sessions.create();
    if (messages.length > 0) await client.sessions.append({ id, messages });
    return id;
  };
  const stored = async (id: string) => itemsOf(await client.sessions.messages({ id }));

  it('gets the seq it has, and is not copied', async () => {
    const id = await newSession(one ?? {}, two ?? {});
    const before = await client.sessions.get({ id });
    const { messages, head, revision } = await client.sessions.append({ id, messages: [two ?? {}, one ?? {}] });
    expect(messages).toEqual([
      { id: 'two', seq: 2 },
      { id: 'one', seq: 1 },
    ]);
    expect({ head, revision }).toEqual({ head: 2, revision: before.revision });
    expect(await client.sessions.get({ id })).toEqual(before);
  });

  it('does not keep new ones beside it from being stored', async () => {
    const id = await newSession(one ?? {});
    const answer = await client.sessions.append({ id, messages: [one ?? {}, three ?? {}] });
    expect(answer.messages).toEqual([
      { id: 'one', seq: 1 },
      { id: 'three', seq: 2 },
    ]);
    expect(await stored(id)).toEqual([
      { ...one, seq: 1 },
      { ...three, seq: 2 },
    ]);
  });

  it('costs nothing when all of the call was sent before', async () => {
    const { id } = await client.sessions.create();
    const call = { id, messages: [one ?? {}], usage: { inputTokens: 7, costNanoUsd: 9 } };
    for (let time = 0; time < 3; time++) await client.sessions.append(call);
    expect(await client.sessions.get({ id })).toMatchObject({ inputTokens: 7, costNanoUsd: 9, messageCount: 1 });
  });

  it('with other content is refused, with all that was sent beside it', async () => {
    const id = await newSession(one ?? {});
    for (const other of [{ ...one, text: 'other' }, { id: 'one' }, { ...one, more: 1 }]) {
      const refused = await refusal(client.sessions.append({ id, messages: [two ?? {}, other] }));
      expect(refused).toMatchObject({ code: 'exists', status: 409, message: expect.stringContaining("'one'") });
    }
    expect(await stored(id)).toEqual([{ ...one, seq: 1 }]);
  });

  it('within one call counts once, or is refused with other content', async () => {
    const id = await newSession();
    const { messages, head } = await client.sessions.append({ id, messages: [one ?? {}, two ?? {}, one ?? {}] });
    expect({ head, seqs: messages.map(({ seq }) => seq) }).toEqual({ head: 2, seqs: [1, 2, 1] });
    const twice = client.sessions.append({ id, messages: [three ?? {}, { ...three, text: 'other' }] });
    expect((await refusal(twice)).code).toBe('exists');
    expect(await stored(id)).toHaveLength(2);
  });

  it('is its own message in another session', async () => {
    await newSession(one ?? {});
    const id = await newSession({ id: 'one', text: 'of this session' });
    expect(await stored(id)).toEqual([{ id: 'one', seq: 1, text: 'of this session' }]);
  });

  it('is known by its id as NFC', async () => {
    const id = await newSession({ id: 'caf\u00e9', n: 1 });
    const { messages } = await client.sessions.append({ id, messages: [{ id: 'cafe\u0301', n: 1 }] });
    expect(messages).toEqual([{ id: 'caf\u00e9', seq: 1 }]);
  });
});
