import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const msOf = (time: string) => Date.parse(time);
const tick = (time: string) => until('the clock moves on', () => Date.now() > msOf(time));
const write = (client: Client, id: string, lease: string) =>
  client.sessions.append({ id, messages: [{ role: 'user' }], lease });

describe('the lease of a session', () => {
  let home: TestHome;
  let first: Client;
  let second: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    first = home.client({ client: 'first/1.0' });
    second = home.client({ client: 'second/2.0' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const newSession = async () => (await first.sessions.create()).id;
  const held = async (ttlMs?: number) => {
    const id = await newSession();
    return { id, ...(await first.leases.acquire({ id, owner: 'terminal 1', ...(ttlMs && { ttlMs }) })) };
  };
  const lapsed = (id: string) =>
    until('the lease has ended', async () => (await first.sessions.get({ id })).lease === null);

  it('is given with a token and a minute, and shown to all who read the session', async () => {
    const id = await newSession();
    const before = await first.sessions.get({ id });
    const { token, ...lease } = await first.leases.acquire({ id, owner: 'terminal – 1 😀' });
    expect(lease.owner).toBe('terminal – 1 😀');
    expect(msOf(lease.expiresAt) - msOf(lease.since)).toBe(60_000);
    expect(token).not.toBe('');
    const holder = { ...lease, client: 'first/1.0', pid: process.pid };
    const leasedUntil = lease.expiresAt;
    // It is no change of the session: neither its revision nor the time of its last change moves.
    expect(await second.sessions.get({ id })).toEqual({ ...before, leasedUntil, lease: holder });
    const { items } = await second.sessions.list({ limit: 1000 });
    expect(items.find((item) => item.id === id)).toMatchObject({ leasedUntil, revision: before.revision });
  });

  it('is refused to everybody else while it lives, with who holds it', async () => {
    const { id, since, expiresAt } = await held();
    const holder = { owner: 'terminal 1', since, expiresAt, client: 'first/1.0', pid: process.pid };
    for (const client of [first, second]) {
      // The same owner, too: only the token tells a holder.
      const refused = await refusal(client.leases.acquire({ id, owner: 'terminal 1' }));
      expect(refused).toMatchObject({ code: 'leased', status: 409, retryable: false, details: { holder } });
      expect(refused.message).toContain(`'terminal 1' (pid ${process.pid})`);
    }
    expect((await first.sessions.get({ id })).lease).toEqual(holder);
  });

  it('names no program where none said what it is', async () => {
    const id = await newSession();
    const path = `/v1/apps/test/sessions/${id}/lease`;
    expect((await send(home.paths.socket, 'POST', path, { owner: 'curl' })).status).toBe(200);
    const { status, json, headers } = await send(home.paths.socket, 'POST', path, { owner: 'other' });
    expect(status).toBe(409);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(json).toMatchObject({ code: 'leased', holder: { owner: 'curl', client: null, pid: null } });
  });

  it('of whoever let it lapse goes to the next, and the earlier token is fenced off', async () => {
    const { id, token } = await held(100);
    await lapsed(id);
    const next = await second.leases.acquire({ id, owner: 'terminal 2' });
    expect(next.token).not.toBe(token);
    for (const call of [
      first.leases.acquire({ id, owner: 'terminal 1', token }),
      first.leases.release({ id, token }),
      write(first, id, token),
    ]) {
      const refused = await refusal(call);
      expect(refused).toMatchObject({ code: 'fenced', status: 409, retryable: false });
      expect(refused.details.holder).toMatchObject({ owner: 'terminal 2', client: 'second/2.0' });
    }
    await write(second, id, next.token);
    expect((await first.sessions.get({ id })).messageCount).toBe(1);
  });

  it('is renewed with its token, which stays, and then lasts as long as that renewal says', async () => {
    const { id, token, since } = await held();
    await tick(since);
    const renewed = await first.leases.acquire({ id, owner: 'terminal 1, tab 2', token, ttlMs: 7_200_000 });
    expect(renewed).toMatchObject({ token, since, owner: 'terminal 1, tab 2' });
    expect(msOf(renewed.expiresAt)).toBeGreaterThan(msOf(since) + 7_200_000);
    await tick(new Date(msOf(renewed.expiresAt) - 7_200_000).toISOString());
    await write(first, id, token);
    const { lease } = await second.sessions.get({ id });
    expect(lease).toMatchObject({ since, owner: 'terminal 1, tab 2' });
    // The write renewed it by the new length.
    expect(msOf(lease?.expiresAt ?? '')).toBeGreaterThan(msOf(renewed.expiresAt));
  });

  it('is renewed after its time too when nobody took over', async () => {
    const { id, token, since } = await held(100);
    await lapsed(id);
    expect(await first.leases.acquire({ id, owner: 'terminal 1', token })).toMatchObject({ token, since });
    expect((await refusal(second.leases.acquire({ id, owner: 'terminal 2' }))).code).toBe('leased');
  });

  it('names the process that renewed it: the one that took it may have ended', async () => {
    const { id, token } = await held();
    await second.leases.acquire({ id, owner: 'terminal 1', token });
    expect((await first.sessions.get({ id })).lease).toMatchObject({ owner: 'terminal 1', client: 'second/2.0' });
  });

  it('is given up by its holder only, and its token is void from then on', async () => {
    const { id, token } = await held();
    expect((await refusal(second.leases.release({ id, token: 'made up' }))).code).toBe('fenced');
    expect(await first.leases.release({ id, token })).toEqual({ id });
    expect(await first.sessions.get({ id })).toMatchObject({ lease: null, leasedUntil: null });
    for (const call of [first.leases.release({ id, token }), write(first, id, token)]) {
      const refused = await refusal(call);
      expect(refused).toMatchObject({ code: 'fenced', details: {} });
      expect(refused.details.holder).toBeUndefined();
    }
    const next = await second.leases.acquire({ id, owner: 'terminal 2' });
    expect(next.token).not.toBe(token);
    // A holder that gives up late does not end the lease of the next.
    expect((await refusal(first.leases.release({ id, token }))).code).toBe('fenced');
    expect((await first.sessions.get({ id })).lease).toMatchObject({ owner: 'terminal 2' });
  });

  it('can be taken over by force from a living holder, who is told by whom', async () => {
    const { id, token } = await held();
    const taken = await second.leases.acquire({ id, owner: 'terminal 2', force: true });
    expect(taken.token).not.toBe(token);
    const refused = await refusal(write(first, id, token));
    expect(refused).toMatchObject({ code: 'fenced', details: { holder: { owner: 'terminal 2' } } });
    expect(refused.message).toContain("'terminal 2'");
    expect((await first.sessions.get({ id })).messageCount).toBe(0);
    // With the token it had, too.
    const back = await first.leases.acquire({ id, owner: 'terminal 1', token, force: true });
    expect([token, taken.token]).not.toContain(back.token);
    expect((await refusal(write(second, id, taken.token))).code).toBe('fenced');
    await write(first, id, back.token);
    // Force without a holder is an ordinary lease; without it the new holder is as safe as the old one was.
    expect((await refusal(second.leases.acquire({ id, owner: 'terminal 2', force: false }))).code).toBe('leased');
    await first.leases.release({ id, token: back.token });
    await first.leases.acquire({ id, owner: 'terminal 1', force: true });
  });

  it('is given once for one idempotency key: a retry gets the token again', async () => {
    const id = await newSession();
    const call = { id, owner: 'terminal 1', ttlMs: 60_000 };
    const lease = await first.leases.acquire(call, { key: 'take' });
    expect(await first.leases.acquire(call, { key: 'take' })).toEqual(lease);
    await write(first, id, lease.token);
    const reused = first.leases.acquire({ ...call, owner: 'terminal 2' }, { key: 'take' });
    expect((await refusal(reused)).code).toBe('key_reused');
    // Sent again after somebody took over, it answers what it gave then, and gives nothing anew.
    const forced = await second.leases.acquire({ ...call, force: true }, { key: 'force' });
    expect(await first.leases.acquire(call, { key: 'take' })).toEqual(lease);
    expect((await refusal(write(first, id, lease.token))).code).toBe('fenced');
    expect(await second.leases.acquire({ ...call, force: true }, { key: 'force' })).toEqual(forced);
    await write(second, id, forced.token);
  });

  it('goes to exactly one of many who ask at once', async () => {
    const clients = Array.from({ length: 20 }, () => home.client());
    for (let round = 0; round < 5; round++) {
      const id = await newSession();
      const asked = clients.map((client, n) => client.leases.acquire({ id, owner: `terminal ${n}` }));
      const outcomes = await Promise.allSettled(asked);
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(winners).toHaveLength(1);
      expect((await first.sessions.get({ id })).lease?.owner).toBe(winners[0]?.owner);
    }
  });
});
