import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidv7, type Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { held } from '../helpers/queues.ts';
import { refusal } from '../helpers/refusal.ts';

/** Makes a call and repeats it with its key. */
async function twice<T>(call: (options: { key: string }) => Promise<T>): Promise<T> {
  const key = uuidv7();
  const answer = await call({ key });
  expect(await call({ key })).toEqual(answer);
  return answer;
}

describe('a queue', () => {
  let home: TestHome;
  let client: Client;
  let count = 0;
  let queue = '';
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const fresh = () => (queue = `q${(count += 1)}`);
  type About = Omit<Parameters<Client['queues']['add']>[0], 'queue' | 'body'>;
  const add = (id: string, about: About = {}) => client.queues.add({ queue, id, body: { id }, ...about });
  type Filter = Omit<NonNullable<Parameters<Client['queues']['list']>[0]>, 'queue'>;
  const ids = async (filter: Filter = {}) =>
    (await client.queues.list({ queue, ...filter })).items.map((item) => item.id);
  const claim = async (about: Omit<Parameters<Client['queues']['claim']>[0], 'queue'> = {}) =>
    (await client.queues.claim({ queue, ...about })).items;
  const one = async (about?: Parameters<typeof claim>[0]) => {
    const [item] = await claim(about);
    if (!item) throw new Error('there was nothing to claim');
    return item;
  };

  it('keeps every field of a message, its body unchanged, and answers 201', async () => {
    fresh();
    const body = JSON.parse('{"__proto__":{"a":[1,null]},"text":"half \\ud83d"}') as object;
    const about = { priority: 'low', group: 'g', notBefore: '2999-01-01T00:00:00.000Z' } as const;
    const message = await client.queues.add({ queue, id: 'a', body, ...about });
    expect(message).toMatchObject({ queue, id: 'a', priority: 'low', group: 'g', state: 'delayed', attempts: 0 });
    expect(JSON.stringify(message.body)).toBe(JSON.stringify(body));
    expect(message.hiddenUntil).toBe(about.notBefore);
    expect(await client.queues.get({ queue, id: 'a' })).toEqual(message);
    const reply = await send(home.paths.socket, 'POST', `/v1/apps/test/queues/${queue}/messages`, { body: {} });
    expect(reply.status).toBe(201);
    expect(reply.headers['etag']).toBe(`"${(reply.json as { revision: string }).revision}"`);
  });

  it('refuses an id that it holds, and takes it again when that is done', async () => {
    fresh();
    const { revision } = await add('a');
    const error = await refusal(add('a'));
    expect([error.code, error.details.current]).toEqual(['exists', revision]);
    await client.queues.ack(held(await one()));
    expect((await add('a')).revision).not.toBe(revision);
  });

  it('refuses a slash in its name, for changes call a message queue/id', async () => {
    expect((await refusal(client.queues.add({ queue: 'a/b', body: {} }))).details.errors?.[0]?.path).toBe('queue');
  });

  it('gives out urgent ones first, then by age; a group alone when asked', async () => {
    fresh();
    for (const [id, priority, group] of [
      ['n1', 'normal', 'x'],
      ['l1', 'low', 'y'],
      ['n2', undefined, 'y'],
      ['u1', 'urgent', 'y'],
      ['u2', 'urgent', 'x'],
    ] as const) {
      await add(id, { group, ...(priority && { priority }) });
    }
    expect(await ids()).toEqual(['u1', 'u2', 'n1', 'n2', 'l1']);
    expect(await ids({ order: 'desc', group: 'y' })).toEqual(['l1', 'n2', 'u1']);
    expect((await claim({ group: 'x', max: 100 })).map(({ id }) => id)).toEqual(['u2', 'n1']);
    expect((await claim({ max: 2 })).map(({ id }) => id)).toEqual(['u1', 'n2']);
    expect(await ids({ state: 'claimed' })).toEqual(['u1', 'u2', 'n1', 'n2']);
    expect(await ids({ state: 'ready' })).toEqual(['l1']);
  });

  it('is listed in pages, each message once', async () => {
    fresh();
    for (const id of ['a', 'b', 'c', 'd', 'e']) await add(id);
    const first = await client.queues.list({ queue, limit: 2 });
    const next = await client.queues.list({ queue, limit: 4, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...next.items].map((item) => item.id)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(next.nextCursor).toBeNull();
  });

  it('edits: absent stays, null removes, the body merges, the place stays', async () => {
    fresh();
    await add('a', { group: 'g' });
    const { revision } = await client.queues.add({ queue, id: 'b', group: 'g', body: { x: 1, y: { z: 2 } } });
    const patch = { group: null, body: { y: { z: null, w: 3 } }, notBefore: '2999-01-01T00:00:00.000Z' };
    const edited = await client.queues.edit({ queue, id: 'b', patch, expectedRevision: revision });
    expect(edited).toMatchObject({ group: null, body: { x: 1, y: { w: 3 } }, state: 'delayed', priority: 'normal' });
    expect((await refusal(client.queues.edit({ queue, id: 'b', patch: {}, expectedRevision: revision }))).code).toBe(
      'stale',
    );
    await client.queues.edit({ queue, id: 'b', patch: { priority: 'urgent', notBefore: null } });
    expect(await ids()).toEqual(['b', 'a']);
    expect((await one()).id).toBe('b');
  });

  it('reorders messages of one group and priority among their places', async () => {
    fresh();
    for (const id of ['a', 'b', 'c', 'd']) await add(id);
    await add('u', { priority: 'urgent' });
    expect((await client.queues.reorder({ queue, ids: ['d', 'b', 'a'] })).ids).toEqual(['d', 'a']);
    expect(await ids()).toEqual(['u', 'd', 'b', 'c', 'a']);
    expect((await client.queues.reorder({ queue, ids: ['d', 'b', 'a'] })).ids).toEqual([]);
    const wrong = await refusal(client.queues.reorder({ queue, ids: ['a', 'u'] }));
    expect([wrong.code, wrong.message]).toEqual(['invalid_input', expect.stringContaining("'u'")]);
    expect((await refusal(client.queues.reorder({ queue, ids: ['a', 'none'] }))).code).toBe('not_found');
    expect((await refusal(client.queues.reorder({ queue, ids: ['a', 'a'] }))).code).toBe('invalid_input');
  });

  it('removes, but nothing that somebody has claimed', async () => {
    fresh();
    await add('a');
    const b = await add('b');
    await one();
    expect((await refusal(client.queues.remove({ queue, id: 'a' }))).code).toBe('leased');
    expect((await refusal(client.queues.remove({ queue, id: 'b', expectedRevision: 'x' }))).code).toBe('stale');
    expect((await client.queues.remove({ queue, id: 'b' })).revision).not.toBe(b.revision);
    expect(await ids()).toEqual(['a']);
    expect((await refusal(client.queues.remove({ queue, id: 'b' }))).code).toBe('not_found');
  });

  it('lays messages that were tried too often aside, and gives them another chance only when asked', async () => {
    fresh();
    for (const id of ['a', 'b']) await add(id);
    const first = await one({ maxAttempts: 2 });
    await client.queues.nack({ ...held(first), reason: 'offline' });
    const again = await one();
    expect([again.id, again.attempts, again.maxAttempts]).toEqual(['a', 2, 2]);
    expect(await client.queues.nack({ ...held(again), reason: 'still offline' })).toMatchObject({ state: 'dead' });
    expect(await ids()).toEqual(['b']);
    const dead = await client.queues.list({ queue, state: 'dead' });
    expect(dead.items).toMatchObject([{ id: 'a', attempts: 2, reason: 'still offline', body: { id: 'a' } }]);
    expect((await one()).id).toBe('b');
    expect(await claim()).toEqual([]);
    await add('c');
    expect(await client.queues.requeue({ queue, id: 'a' })).toMatchObject({
      state: 'ready',
      attempts: 0,
      maxAttempts: null,
    });
    expect(await ids({ state: 'ready' })).toEqual(['c', 'a']);
    const { revision } = await client.queues.requeue({ queue, id: 'a' });
    expect((await client.queues.get({ queue, id: 'a' })).revision).toBe(revision);
  });

  it('is cleared only when asked, says how many, and leaves what somebody has claimed', async () => {
    fresh();
    for (const id of ['held', 'a', 'b', 'later', 'dead'])
      await add(id, { priority: id === 'dead' ? 'urgent' : 'normal' });
    await client.queues.nack(held(await one({ maxAttempts: 1 })));
    const kept = await one({ maxAttempts: 2 });
    await client.queues.edit({ queue, id: 'later', patch: { notBefore: '2999-01-01T00:00:00.000Z', group: 'g' } });
    const state = { queue, ready: 2, claimed: 1, delayed: 1, dead: 1 };
    const stats = async () => (await client.queues.stats()).queues.find((other) => other.queue === queue);
    expect(await stats()).toMatchObject(state);
    expect(await client.queues.clear({ queue, dryRun: true })).toEqual({ cleared: 0, left: 3, claimed: 1 });
    expect(await client.queues.clear({ queue, dryRun: true, dead: true })).toMatchObject({ cleared: 0, left: 1 });
    expect(await stats()).toMatchObject(state);
    expect(await client.queues.clear({ queue, group: 'g' })).toEqual({ cleared: 1, left: 0, claimed: 0 });
    expect(await client.queues.clear({ queue })).toEqual({ cleared: 2, left: 0, claimed: 1 });
    expect(await ids({ state: 'dead' })).toEqual(['dead']);
    expect(await client.queues.clear({ queue, dead: true })).toMatchObject({ cleared: 1, left: 0 });
    await client.queues.ack(held(kept));
    expect(await stats()).toBeUndefined();
  });

  it('does each of its writes once for one key', async () => {
    fresh();
    for (const id of ['a', 'b', 'c', 'd']) await twice((key) => client.queues.add({ queue, id, body: {} }, key));
    await twice((key) => client.queues.reorder({ queue, ids: ['b', 'a'] }, key));
    await twice((key) => client.queues.edit({ queue, id: 'a', patch: { body: { n: 1 } } }, key));
    const [b] = (await twice((key) => client.queues.claim({ queue }, key))).items;
    expect(b?.id).toBe('b');
    await twice((key) => client.queues.nack({ queue, id: 'b', claim: b?.claim ?? '' }, key));
    const [again] = (await twice((key) => client.queues.claim({ queue, maxAttempts: 2 }, key))).items;
    expect(again).toMatchObject({ id: 'b', attempts: 2 });
    await twice((key) => client.queues.ack({ queue, id: 'b', claim: again?.claim ?? '' }, key));
    await twice((key) => client.queues.remove({ queue, id: 'a' }, key));
    expect((await twice((key) => client.queues.clear({ queue }, key))).cleared).toBe(2);
  });
});
