import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { held } from '../helpers/queues.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a message has one holder at a time, and only the newest one can end it.

describe('a claim', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  let count = 0;
  let queue = '';
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const fresh = () => (queue = `q${(count += 1)}`);
  type About = Omit<Parameters<Client['queues']['add']>[0], 'queue' | 'body'>;
  const add = (id: string, about: About = {}) => client.queues.add({ queue, id, body: { id }, ...about });
  const claim = (about: Omit<Parameters<Client['queues']['claim']>[0], 'queue'> = {}) =>
    client.queues.claim({ queue, ...about });
  const one = async (about?: Parameters<typeof claim>[0]) => {
    const [item] = (await claim(about)).items;
    if (!item) throw new Error('there was nothing to claim');
    return item;
  };
  const stateOf = async (id: string) => (await client.queues.get({ queue, id })).state;

  it('that is over gives its message to another, in its old place, and is refused by name from then on', async () => {
    fresh();
    for (const id of ['a', 'b']) await add(id);
    const late = await one({ visibilityMs: 1 });
    await until('its time is over', async () => (await stateOf('a')) === 'ready');
    const newer = await one();
    expect([newer.id, newer.attempts]).toEqual(['a', 2]);
    const stale = { queue, id: 'a', claim: late.claim };
    const calls = [
      () => client.queues.ack(stale),
      () => client.queues.nack(stale),
      () => client.queues.edit({ ...stale, patch: { body: { x: 1 } } }),
    ];
    for (const call of calls) expect(await refusal(call())).toMatchObject({ code: 'fenced', status: 409 });
    expect(await refusal(client.queues.ack({ ...stale, claim: 'nonsense' }))).toMatchObject({ code: 'fenced' });
    // The newest one may do all that.
    expect((await client.queues.edit({ ...held(newer), patch: { body: { x: 1 } } })).state).toBe('claimed');
    await client.queues.ack(held(newer));
    expect((await refusal(client.queues.ack(held(newer)))).code).toBe('not_found');
  });

  it('is good after its time too, while nobody was given the message or changed it', async () => {
    fresh();
    for (const id of ['a', 'b']) await add(id);
    const [a, b] = (await claim({ max: 2, visibilityMs: 1 })).items;
    await until('their time is over', async () => (await stateOf('b')) === 'ready');
    await client.queues.ack({ queue, id: 'a', claim: a?.claim ?? '' });
    await client.queues.edit({ queue, id: 'b', patch: { body: { changed: true } } });
    expect((await refusal(client.queues.ack({ queue, id: 'b', claim: b?.claim ?? '' }))).code).toBe('fenced');
    expect((await one()).body).toEqual({ id: 'b', changed: true });
  });

  it('keeps others from changing the message', async () => {
    fresh();
    await add('a');
    const { claim: token } = await one();
    const error = await refusal(client.queues.edit({ queue, id: 'a', patch: { priority: 'low' } }));
    expect([error.code, error.message]).toEqual(['leased', expect.stringContaining("'a'")]);
    const notBefore = '2999-01-01T00:00:00.000Z';
    const edit = client.queues.edit({ queue, id: 'a', patch: { notBefore }, claim: token });
    expect((await refusal(edit)).details.errors?.[0]?.path).toBe('patch.notBefore');
  });

  it('that is given back with a delay comes again after it, in its old place', async () => {
    fresh();
    for (const id of ['a', 'b']) await add(id);
    const nacked = await client.queues.nack({ ...held(await one()), delayMs: 60_000, reason: 'busy' });
    expect(nacked).toMatchObject({ id: 'a', state: 'delayed', reason: 'busy' });
    expect((await one()).id).toBe('b');
    await client.queues.edit({ queue, id: 'a', patch: { notBefore: null } });
    expect((await one()).id).toBe('a');
  });

  it('that finds nothing answers at once, or waits for a message, its time, or the end of a claim', async () => {
    fresh();
    expect(await claim()).toEqual({ items: [], damaged: [] });
    const waiting = claim({ waitMs: 60_000, visibilityMs: 1 });
    await add('a');
    expect((await waiting).items.map(({ id }) => id)).toEqual(['a']);
    // Nothing is committed when the time of that claim is over.
    expect(await one({ waitMs: 60_000 })).toMatchObject({ id: 'a', attempts: 2 });
    await add('b', { notBefore: new Date(Date.now() + 100).toISOString() });
    expect((await one({ waitMs: 60_000 })).id).toBe('b');
    expect((await claim({ waitMs: 1 })).items).toEqual([]);
  });

  it('that waits has that time, whatever its client gives a call', async () => {
    fresh();
    const waiting = home.client({ deadlineMs: 0 }).queues.claim({ queue, waitMs: 60_000 });
    await add('a');
    expect((await waiting).items.map(({ id }) => id)).toEqual(['a']);
  });

  it('that waits is answered to one of those who wait, and a caller that hangs up takes nothing', async () => {
    fresh();
    const gone = new AbortController();
    const hungUp = client.queues.claim({ queue, waitMs: 60_000 }, { signal: gone.signal });
    const waiting = [1, 2, 3].map(() => claim({ waitMs: 60_000 }));
    gone.abort();
    await expect(hungUp).rejects.toMatchObject({ name: 'AbortError' });
    for (const id of ['a', 'b', 'c']) await add(id);
    const given = (await Promise.all(waiting)).flatMap(({ items }) => items.map(({ id }) => id));
    expect(given.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('never gives one message to two, whatever is done at the same time', async () => {
    fresh();
    const all = Array.from({ length: 60 }, (_, index) => `m${index}`);
    for (const id of all) void add(id, { priority: 'low' });
    const holders = new Map<string, number>();
    let acked = 0;
    const worker = async () => {
      const mine = home.client();
      for (;;) {
        const { items } = await mine.queues.claim({ queue, max: 3, waitMs: 300 });
        if (acked === all.length) return;
        for (const item of items) {
          holders.set(item.id, (holders.get(item.id) ?? 0) + 1);
          // Given back at first, so that all of them change hands.
          if (item.attempts === 1) await mine.queues.nack(held(item));
          else {
            await mine.queues.ack(held(item));
            acked += 1;
          }
        }
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    expect([...holders.keys()].toSorted()).toEqual(all.toSorted());
    expect(new Set(holders.values())).toEqual(new Set([2]));
  });

  it('and its end are one with an append: both in one atomic batch, or neither', async () => {
    fresh();
    await client.sessions.create({ id: queue });
    await add('a');
    const { id, claim: token } = await one();
    const both = (claimed: string) =>
      client.batch.run({
        atomic: true,
        calls: [
          { op: 'sessions.append', input: { id: queue, messages: [{ id, role: 'user' }] } },
          { op: 'queues.ack', input: { queue, id, claim: claimed } },
        ],
      });
    expect(await refusal(both('another'))).toMatchObject({ code: 'fenced', details: { index: 1 } });
    expect((await client.sessions.get({ id: queue })).head).toBe(0);
    expect(await stateOf('a')).toBe('claimed');
    await both(token);
    expect((await client.sessions.get({ id: queue })).head).toBe(1);
    expect((await refusal(client.queues.get({ queue, id }))).code).toBe('not_found');
  });

  it('is no change of a message that watchers see as one, but its end is', async () => {
    fresh();
    const { revision } = await add('a');
    const item = await one();
    expect(item.revision).toBe(revision);
    const seen: string[] = [];
    await client.queues.ack(held(item));
    for await (const change of client.changes({ after: '0', kind: ['queue', 'claim'], id: [`${queue}/a`] })) {
      if (seen.push(`${change.kind} ${change.op}`) === 3) break;
    }
    expect(seen).toEqual(['queue queues.add', 'claim queues.claim', 'queue queues.ack']);
  });

  it('H5: three messages, one urgent, one claimed: daemon and client killed, all three are there, urgent first', async () => {
    fresh();
    await add('n1');
    await add('n2');
    await add('u', { priority: 'urgent' });
    const gone = await one({ visibilityMs: 1 });
    expect(gone.id).toBe('u');
    await daemon.end('SIGKILL');
    daemon = await home.start();
    await until('its time is over', async () => (await stateOf('u')) === 'ready');
    const again = (await claim({ max: 100 })).items;
    expect(again.map(({ id, body }) => [id, body])).toEqual(['u', 'n1', 'n2'].map((id) => [id, { id }]));
    for (const item of again) await client.queues.ack(held(item));
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect((await client.queues.list({ queue })).items).toEqual([]);
    expect((await claim()).items).toEqual([]);
  });
});
