import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

const system = { id: 's', role: 'system', content: 'be kind' };
const user = (id: string, content: string) => ({ id, role: 'user', content });

describe('after a replace', () => {
  let home: TestHome;
  let client: Client;
  let made = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const newId = () => `session ${++made}`;

  it('the preview is that of the first user message the session now has', async () => {
    const id = newId();
    const previewOf = async (...messages: object[]) => {
      const { preview } = await client.sessions.replace({ id, messages, allowShrink: true });
      expect((await client.sessions.get({ id })).preview).toBe(preview);
      return preview;
    };
    expect(await previewOf(system)).toBeNull();
    expect(await previewOf(system, user('a', 'first'))).toBe('first');
    expect(await previewOf(system, user('a', 'first'), user('b', 'second'))).toBe('first');
    expect(await previewOf(system, user('a', 'first'), user('b', 'other'))).toBe('first');
    expect(await previewOf(system, user('a', 'changed'), user('b', 'other'))).toBe('changed');
    expect(await previewOf(user('b', 'other'), user('a', 'changed'))).toBe('other');
    expect(await previewOf(system)).toBeNull();
    await client.sessions.append({ id, messages: [user('c', 'appended')] });
    expect((await client.sessions.get({ id })).preview).toBe('appended');
    expect(await previewOf()).toBeNull();
  });

  it('tokens and cost are those the document gives, and as they were where it gives none', async () => {
    const id = newId();
    const sums = { inputTokens: 10, outputTokens: 20, costNanoUsd: 30 };
    expect(await client.sessions.replace({ id, messages: [system], usage: sums })).toMatchObject(sums);
    expect(await client.sessions.replace({ id, messages: [system, user('a', 'x')] })).toMatchObject(sums);
    const partial = await client.sessions.replace({
      id,
      messages: [system],
      usage: { outputTokens: 0 },
      allowShrink: true,
    });
    expect(partial).toMatchObject({ ...sums, outputTokens: 0 });
    await client.sessions.append({ id, messages: [user('b', 'y')], usage: { inputTokens: 1 } });
    expect(await client.sessions.get({ id })).toMatchObject({ inputTokens: 11, outputTokens: 0, costNanoUsd: 30 });
    const most = { costNanoUsd: Number.MAX_SAFE_INTEGER };
    await client.sessions.replace({ id, messages: [system, user('b', 'y')], usage: most });
    const over = await refusal(client.sessions.append({ id, messages: [user('c', 'z')], usage: { costNanoUsd: 1 } }));
    expect(over.details.errors).toMatchObject([{ path: 'usage.costNanoUsd' }]);
  });

  it('a change of tokens alone is a change, and the same tokens are none', async () => {
    const id = newId();
    const first = await client.sessions.replace({ id, messages: [system], usage: { inputTokens: 1 } });
    const second = await client.sessions.replace({ id, messages: [system], usage: { inputTokens: 2 } });
    expect(second.revision).not.toBe(first.revision);
    expect(await client.sessions.replace({ id, messages: [system], usage: { inputTokens: 2 } })).toEqual(second);
  });

  it('appends go on at the new end, and know ids that it dropped no more', async () => {
    const id = newId();
    await client.sessions.replace({ id, messages: [system, user('a', '1'), user('b', '2')] });
    await client.sessions.replace({ id, messages: [system], allowShrink: true });
    const answer = await client.sessions.append({ id, messages: [user('b', 'other'), system] });
    expect(answer).toMatchObject({
      head: 2,
      generation: 1,
      messages: [
        { id: 'b', seq: 2 },
        { id: 's', seq: 1 },
      ],
    });
    const { items } = await client.sessions.messages({ id });
    expect(items).toEqual([
      { ...system, seq: 1 },
      { ...user('b', 'other'), seq: 2 },
    ]);
  });

  it('the last message can be saved hundreds of times, and all before it with it', async () => {
    const id = newId();
    const messages = [system];
    for (let turn = 0; turn < 40; turn++) {
      messages.push(user(`turn ${turn}`, ''));
      for (let part = 0; part < 8; part++) {
        messages[messages.length - 1] = user(`turn ${turn}`, 'word '.repeat(part));
        await client.sessions.replace({ id, messages });
      }
    }
    const { items, generation } = await client.sessions.messages({ id, limit: 1000 });
    expect(generation).toBe(40 * 7);
    expect(items).toEqual(messages.map((message, index) => ({ ...message, seq: index + 1 })));
  });
});
