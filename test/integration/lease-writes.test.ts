import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Every operation that changes a session, with a token or without. Each succeeds on the session that `prepared` makes.
type Write = (client: Client, id: string, token: { lease?: string }) => Promise<unknown>;
const writes: Record<string, Write> = {
  append: (client, id, token) => client.sessions.append({ id, messages: [{ n: 2 }], ...token }),
  'append of a replay': (client, id, token) => client.sessions.append({ id, messages: [{ id: 'sent' }], ...token }),
  update: (client, id, token) => client.sessions.update({ id, patch: { title: 'new' }, ...token }),
  'update to the same': (client, id, token) => client.sessions.update({ id, patch: { title: 'old' }, ...token }),
  replace: (client, id, token) => client.sessions.replace({ id, messages: [{ id: 'sent' }, {}], ...token }),
  delete: (client, id, token) => client.sessions.delete({ id, ...token }),
  erase: (client, id, token) => client.sessions.delete({ id, erase: true, ...token }),
  'draft put': (client, id, token) => client.drafts.put({ id, text: 'more', ...token }),
  'draft delete': (client, id, token) => client.drafts.delete({ id, ...token }),
  delivery: (client, id, token) => client.sessions.setDelivery({ id, messageId: 'sent', delivery: 'sent', ...token }),
};
const names = Object.keys(writes);
const ending = ['delete', 'erase'];
const renewing = names.filter((name) => !ending.includes(name));
const changing = names.filter((name) => !['append of a replay', 'update to the same'].includes(name));

describe.concurrent('a session with a lease', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const prepared = async () => {
    const { id } = await client.sessions.create({ title: 'old' });
    await client.sessions.append({ id, messages: [{ id: 'sent' }], delivery: 'pending' });
    await client.drafts.put({ id, text: 'so far' });
    return id;
  };
  const acquire = async (id: string, ttlMs = 60_000) =>
    (await client.leases.acquire({ id, owner: 'holder', ttlMs })).token;
  const lapsed = (id: string) =>
    until('the lease has ended', async () => (await client.sessions.get({ id })).lease === null);
  const run = (name: string, id: string, lease?: string) =>
    (writes[name] as Write)(client, id, lease === undefined ? {} : { lease });
  /** All there is to read of a session, its lease included. */
  const all = async (id: string) => ({
    session: await client.sessions.get({ id }),
    messages: await client.sessions.messages({ id }),
    draft: await client.drafts.get({ id }).catch((error: unknown) => error),
  });

  it.each(names)('%s without the token is refused with the holder, and changes and renews nothing', async (name) => {
    const id = await prepared();
    await acquire(id);
    const before = await all(id);
    const refused = await refusal(run(name, id));
    expect(refused).toMatchObject({ code: 'leased', status: 409, retryable: false });
    expect(refused.details.holder).toEqual(before.session.lease);
    expect(await all(id)).toEqual(before);
  });

  it.each(names)('%s with the token of an earlier lease is fenced off, whatever ended it', async (name) => {
    const id = await prepared();
    const elsewhere = await acquire(await prepared());
    const givenUp = await acquire(id);
    await client.leases.release({ id, token: givenUp });
    const expired = await acquire(id, 100);
    await lapsed(id);
    const forced = await acquire(id);
    await client.leases.acquire({ id, owner: 'newest', force: true });
    const before = await all(id);
    for (const token of [givenUp, expired, forced, elsewhere, 'made up', '']) {
      const refused = await refusal(run(name, id, token));
      expect(refused).toMatchObject({ code: 'fenced', status: 409, retryable: false });
      expect(refused.details.holder).toEqual(before.session.lease);
    }
    expect(await all(id)).toEqual(before);
  });

  it.each(names)('%s with a token is refused where no lease was ever taken', async (name) => {
    const id = await prepared();
    const before = await all(id);
    const { revision } = before.session;
    // Also what a token of position 0 would look like, and one of the session's own change.
    for (const token of ['made up', '', revision, revision.replace(/\d+$/, '0')]) {
      expect(await refusal(run(name, id, token))).toMatchObject({ code: 'fenced', details: {} });
    }
    expect(await all(id)).toEqual(before);
  });

  it.each(renewing)('%s with the token is accepted, and renews the lease', async (name) => {
    const id = await prepared();
    const token = await acquire(id);
    const before = await client.sessions.get({ id });
    await until('the clock moves on', () => Date.now() > Date.parse(before.lease?.since ?? ''));
    await run(name, id, token);
    const { lease, leasedUntil } = await client.sessions.get({ id });
    expect(lease).toMatchObject({ owner: 'holder', since: before.lease?.since });
    expect(Date.parse(leasedUntil ?? '')).toBeGreaterThan(Date.parse(before.leasedUntil ?? ''));
  });

  it.each(ending)('%s with the token is accepted, of a sleeper too, and ends the lease', async (name) => {
    const [id, asleep] = [await prepared(), await prepared()];
    await run(name, id, await acquire(id));
    const token = await acquire(asleep, 100);
    await lapsed(asleep);
    await run(name, asleep, token);
    for (const each of [id, asleep]) expect((await refusal(client.sessions.get({ id: each }))).code).toBe('not_found');
  });

  it.each(renewing)('%s of a sleeper is accepted after its time when nobody took over, and renews', async (name) => {
    const id = await prepared();
    const token = await acquire(id, 6_000);
    await lapsed(id);
    await run(name, id, token);
    expect((await refusal(run(name, id))).code).toBe('leased');
  });

  it.each(names)('%s needs no token once the lease has lapsed or was given up', async (name) => {
    const [lapsing, released] = [await prepared(), await prepared()];
    await acquire(lapsing, 100);
    const token = await acquire(released);
    await client.leases.release({ id: released, token });
    await lapsed(lapsing);
    expect((await refusal(run(name, released, token))).code).toBe('fenced');
    await run(name, lapsing);
    await run(name, released);
  });

  it('a write by nobody while the lease has lapsed takes nothing over: the sleeper goes on after it', async () => {
    const id = await prepared();
    const token = await acquire(id, 100);
    await lapsed(id);
    await run('append', id);
    await run('append', id, token);
    expect((await client.sessions.messages({ id })).head).toBe(3);
  });

  it.each(changing)('red control: what is compared shows %s when it is accepted', async (name) => {
    const id = await prepared();
    const before = await all(id);
    await run(name, id);
    expect(await all(id).catch(() => 'gone')).not.toEqual(before);
  });

  it('a write that is refused for another reason renews nothing', async () => {
    const id = await prepared();
    const lease = await acquire(id);
    const before = await all(id);
    await until('the clock moves on', () => Date.now() > Date.parse(before.session.lease?.since ?? ''));
    const stale = { expectedRevision: 'none', lease };
    const refused = [
      client.sessions.append({ id, messages: [{}], expectedHead: 7, lease }),
      client.sessions.append({ id, messages: [{ id: 'sent', other: 1 }], lease }),
      client.sessions.update({ id, patch: { title: 'x' }, ...stale }),
      client.sessions.replace({ id, messages: [], lease }),
      client.sessions.replace({ id, messages: [], ifAbsent: true, lease }),
      client.sessions.delete({ id, ...stale }),
      client.sessions.setDelivery({ id, messageId: 'none', delivery: 'sent', lease }),
    ];
    const codes = (await Promise.all(refused.map(refusal))).map(({ code }) => code);
    expect(codes).toEqual(['stale', 'exists', 'stale', 'drops_messages', 'exists', 'stale', 'not_found']);
    expect(await all(id)).toEqual(before);
  });

  it('can be read, streamed, exported and forked by everybody', async () => {
    const id = await prepared();
    await acquire(id);
    expect((await all(id)).messages.items).toHaveLength(1);
    expect(await Array.fromAsync(client.sessions.stream({ id }))).toHaveLength(3);
    expect((await Array.fromAsync(client.sessions.export({ id }))).join('')).toContain('# old');
    expect(await client.sessions.fork({ id })).toMatchObject({ head: 1, leasedUntil: null });
  });

  it('a call that was refused for the lease succeeds under its key when the lease is gone', async () => {
    const id = await prepared();
    const token = await acquire(id);
    const append = () => client.sessions.append({ id, messages: [{ n: 2 }] }, { key: `later ${id}` });
    expect((await refusal(append())).code).toBe('leased');
    await client.leases.release({ id, token });
    const answer = await append();
    // And a write that succeeded answers its retry, though its holder was fenced off since.
    await acquire(id);
    expect(await append()).toEqual(answer);
    expect((await client.sessions.messages({ id })).head).toBe(2);
  });
});
