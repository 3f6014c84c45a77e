import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const said = (content: string) => ({ role: 'user', content });

describe('append', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const newSession = async () => (await client.sessions.create()).id;
  const contents = async (id: string) =>
    itemsOf(await client.sessions.messages({ id, limit: 1000 })).map(({ content }) => String(content));

  it('answers head, revision and the seq of each message', async () => {
    const id = await newSession();
    await client.sessions.append({ id, messages: [said('one')] });
    const body = { messages: [said('two'), { ...said('three'), id: 'mine' }] };
    const reply = await send(home.paths.socket, 'POST', `/v1/apps/test/sessions/${id}/messages`, body);
    const { revision } = await client.sessions.get({ id });
    expect(reply.status).toBe(201);
    expect(reply.headers['etag']).toBe(`"${revision}"`);
    expect(reply.json).toEqual({
      head: 3,
      generation: 0,
      revision,
      messages: [
        { id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/), seq: 2 },
        { id: 'mine', seq: 3 },
      ],
    });
  });

  it('refuses a head that is not the session’s, naming the right one, and writes nothing', async () => {
    const id = await newSession();
    await client.sessions.append({ id, messages: [said('a'), said('b')], expectedHead: 0 });
    const call = { id, messages: [said('lost')], usage: { inputTokens: 5 }, status: 'completed' as const };
    for (const expectedHead of [0, 1, 3]) {
      const refused = await refusal(client.sessions.append({ ...call, expectedHead }));
      expect(refused).toMatchObject({ code: 'stale', status: 412, details: { current: 2 } });
    }
    expect(await client.sessions.get({ id })).toMatchObject({ head: 2, inputTokens: 0, status: 'active' });
    expect((await client.sessions.append({ id, messages: [said('c')], expectedHead: 2 })).head).toBe(3);
  });

  it('sums usage and sets the status in the same call', async () => {
    const id = await newSession();
    const usage = { inputTokens: 10, outputTokens: 3, costNanoUsd: 1_500 };
    await client.sessions.append({ id, messages: [said('a')], usage });
    const usageOfOne = { costNanoUsd: 1 };
    const { revision } = await client.sessions.append({
      id,
      messages: [said('b')],
      usage: usageOfOne,
      status: 'completed',
    });
    const session = await client.sessions.get({ id });
    const sums = { inputTokens: 10, outputTokens: 3, costNanoUsd: 1_501 };
    expect(session).toMatchObject({ ...sums, status: 'completed', messageCount: 2, revision });
  });

  it('refuses a sum that JSON numbers cannot hold, naming it', async () => {
    const id = await newSession();
    const usage = { outputTokens: Number.MAX_SAFE_INTEGER };
    await client.sessions.append({ id, messages: [said('a')], usage });
    const refused = await refusal(client.sessions.append({ id, messages: [said('b')], usage: { outputTokens: 1 } }));
    expect(refused.details.errors).toMatchObject([{ path: 'usage.outputTokens' }]);
    expect(await client.sessions.get({ id })).toMatchObject({ ...usage, messageCount: 1 });
  });

  it.each([
    ['messages', { messages: [] }],
    ['messages', { messages: Array.from({ length: 1001 }, () => ({})) }],
    ['messages', { messages: {} }],
    ['messages', {}],
    ['messages.1', { messages: [{}, 'text'] }],
    ['messages.1', { messages: [{}, []] }],
    ['messages.0.id', { messages: [{ id: 7 }] }],
    ['messages.0.id', { messages: [{ id: '..' }] }],
    ['messages.0.id', { messages: [{ id: null }] }],
    ['usage.inputTokens', { messages: [{}], usage: { inputTokens: -1 } }],
    ['usage.inputTokens', { messages: [{}], usage: { inputTokens: 0.5 } }],
    ['usage.tokens', { messages: [{}], usage: { tokens: 1 } }],
    ['status', { messages: [{}], status: 'done' }],
    ['expectedHead', { messages: [{}], expectedHead: '0' }],
  ])('refuses wrong %s by name', async (path, body) => {
    const id = await newSession();
    const { status, json } = await send(home.paths.socket, 'POST', `/v1/apps/test/sessions/${id}/messages`, body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'invalid_input', errors: [{ path }] });
    expect((await client.sessions.get({ id })).head).toBe(0);
  });

  it('refuses a seq, which is not the application’s to give', async () => {
    const id = await newSession();
    const [error, ...others] =
      (await refusal(client.sessions.append({ id, messages: [{}, { seq: 9 }] }))).details.errors ?? [];
    expect(others).toEqual([]);
    expect(error?.path).toMatch(/^messages\.1/);
    expect(error?.message).toContain('seq');
  });

  it('takes 1000 messages in one call', async () => {
    const id = await newSession();
    const messages = Array.from({ length: 1000 }, (_, index) => said(String(index)));
    const answer = await client.sessions.append({ id, messages });
    expect(answer.messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
    expect(await contents(id)).toEqual(messages.map(({ content }) => content));
  });

  it('makes no session by appending to one that is not there', async () => {
    const refused = await refusal(client.sessions.append({ id: 'nowhere', messages: [{}] }));
    expect(refused).toMatchObject({ code: 'not_found', message: expect.stringContaining('nowhere') });
    expect((await refusal(client.sessions.get({ id: 'nowhere' }))).code).toBe('not_found');
  });

  it('a call that is refused among others takes only itself back', async () => {
    const id = await newSession();
    await client.sessions.append({ id, messages: [{ id: 'known', ...said('first') }] });
    const calls = Array.from({ length: 60 }, (_, index) => {
      const own = said(`call ${index}`);
      // Every third writes a message before it meets one that it must refuse.
      const bad = index % 3 === 0 ? [{ id: 'known', ...said('other') }] : [];
      return client.sessions.append({ id, messages: [own, ...bad], usage: { inputTokens: 1 } });
    });
    const outcomes = await Promise.allSettled(calls);
    const done = outcomes.flatMap(({ status }, index) => (status === 'fulfilled' ? [`call ${index}`] : []));
    expect(done).toHaveLength(40);
    expect((await contents(id)).toSorted()).toEqual(['first', ...done].toSorted());
    expect(await client.sessions.get({ id })).toMatchObject({ head: 41, inputTokens: 40 });
  });
});
