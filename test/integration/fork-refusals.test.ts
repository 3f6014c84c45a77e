import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, wrongFields } from '../helpers/refusal.ts';

const messages = ['a', 'b', 'c'].map((id) => ({ id, role: 'user' }));

describe('fork refuses', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.sessions.replace({ id: 'parent', messages });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const raw = (body: unknown) => send(home.paths.socket, 'POST', '/v1/apps/test/sessions/parent/fork', body);
  const ids = async (id: string) =>
    itemsOf(await client.sessions.messages({ id, limit: 1000 })).map((message) => message.id);

  it.each([
    ['upTo', { upTo: 4 }],
    ['upTo', { upTo: -1 }],
    ['upTo', { upTo: 1.5 }],
    ['upTo', { upTo: '2' }],
    ['upTo', { upTo: null }],
    ['upTo', { upTo: Number.MAX_SAFE_INTEGER }],
    ['to', { to: '..' }],
    ['to', { to: '' }],
    ['to', { to: 'x'.repeat(201) }],
    ['title', { title: 'a\0b' }],
    ['metadata', { metadata: {} }],
    ['expectedGeneration', { expectedGeneration: '0' }],
  ])('a wrong %s by name, and makes nothing: %o', async (path, body) => {
    const before = await client.sessions.list();
    expect(wrongFields(await raw(body))).toEqual([path]);
    expect(await client.sessions.list()).toEqual(before);
  });

  it('an id that is taken, naming the revision of who has it, its parent’s included', async () => {
    const { revision } = await client.sessions.create({ id: 'taken' });
    const error = await refusal(client.sessions.fork({ id: 'parent', to: 'taken' }));
    expect(error).toMatchObject({ code: 'exists', status: 409, details: { current: revision } });
    expect((await refusal(client.sessions.fork({ id: 'parent', to: 'parent' }))).code).toBe('exists');
    expect(await ids('taken')).toEqual([]);
  });

  it('a session that is not there, or of another application, or deleted: with the way back', async () => {
    expect((await refusal(client.sessions.fork({ id: 'nowhere' }))).code).toBe('not_found');
    expect((await refusal(home.client({ app: 'other' }).sessions.fork({ id: 'parent' }))).code).toBe('not_found');
    await client.sessions.create({ id: 'deleted' });
    await client.sessions.delete({ id: 'deleted' });
    const error = await refusal(client.sessions.fork({ id: 'deleted' }));
    expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('can be restored') });
  });

  it('a generation that is over, whose upTo would name another message', async () => {
    await client.sessions.replace({ id: 'changed', messages });
    const changed = messages.map((message) => ({ ...message, role: 'tool' }));
    await client.sessions.replace({ id: 'changed', messages: changed });
    const error = await refusal(client.sessions.fork({ id: 'changed', upTo: 2, expectedGeneration: 0 }));
    expect(error).toMatchObject({ code: 'stale', status: 412, details: { generation: 1 } });
    const fork = await client.sessions.fork({ id: 'changed', upTo: 2, expectedGeneration: 1 });
    expect(fork).toMatchObject({ generation: 0, head: 2 });
    expect(itemsOf(await client.sessions.messages({ id: fork.id }))).toMatchObject(changed.slice(0, 2));
  });

  it('nothing that was done before: the same key makes one fork, of what the parent was then', async () => {
    const call = { id: 'parent', upTo: 2 };
    const first = await client.sessions.fork(call, { key: 'once' });
    await client.sessions.replace({ id: 'parent', messages: [{ id: 'z' }], allowShrink: true });
    expect(await client.sessions.fork(call, { key: 'once' })).toEqual(first);
    expect(await ids(first.id)).toEqual(['a', 'b']);
    expect((await refusal(client.sessions.fork({ ...call, upTo: 1 }, { key: 'once' }))).code).toBe('key_reused');
    await client.sessions.delete({ id: 'parent', erase: true });
    expect(await client.sessions.fork(call, { key: 'once' })).toEqual(first);
  });

  it('all but one of those that ask for one id at once', async () => {
    await client.sessions.replace({ id: 'wanted', messages });
    const others = Array.from({ length: 20 }, () => home.client());
    const outcomes = await Promise.allSettled(others.map((other) => other.sessions.fork({ id: 'wanted', to: 'one' })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
    );
    expect(new Set(codes)).toEqual(new Set(['exists']));
  });

  it('none while the parent grows, and each is what the parent was at one moment', async () => {
    await client.sessions.create({ id: 'growing' });
    const appends = Array.from({ length: 60 }, (_, n) =>
      client.sessions.append({ id: 'growing', messages: [{ id: `${n}a` }, { id: `${n}b` }] }),
    );
    const forks = Array.from({ length: 30 }, () => home.client().sessions.fork({ id: 'growing' }));
    await Promise.all(appends);
    const whole = await ids('growing');
    for (const { id, head } of await Promise.all(forks)) {
      expect(head % 2).toBe(0);
      expect(itemsOf(await client.sessions.messages({ id, limit: 1000 })).map((item) => item.id)).toEqual(
        whole.slice(0, head),
      );
    }
  });
});
