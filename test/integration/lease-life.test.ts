import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

const codeOf = async (call: Promise<unknown>) => (await refusal(call)).code;

describe('a lease and the life of its session', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client({ client: 'holder/1' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const held = async (ttlMs = 60_000) => {
    const { id } = await client.sessions.create();
    await client.sessions.append({ id, messages: [{ id: 'first' }], delivery: 'pending' });
    const { token } = await client.leases.acquire({ id, owner: 'holder', ttlMs });
    return { id, lease: token };
  };
  const append = (id: string, lease?: string) =>
    client.sessions.append({ id, messages: [{ role: 'user' }], ...(lease !== undefined && { lease }) });

  it('ends with a delete: after a restore the session is free, and the token is void', async () => {
    const { id, lease } = await held();
    await client.sessions.delete({ id, lease });
    for (const call of [append(id, lease), client.leases.acquire({ id, owner: 'x' })]) {
      expect(await codeOf(call)).toBe('not_found');
    }
    expect(await client.sessions.restore({ id })).toMatchObject({ lease: null, leasedUntil: null });
    expect(await codeOf(append(id, lease))).toBe('fenced');
    expect(await codeOf(client.leases.acquire({ id, owner: 'x', token: lease }))).toBe('fenced');
    await append(id);
    expect((await client.leases.acquire({ id, owner: 'x' })).token).not.toBe(lease);
  });

  it.each([false, true])('is not that of a new session of the same id (erase: %s)', async (erase) => {
    const { id, lease } = await held();
    await client.sessions.delete({ id, erase, lease });
    await client.sessions.create({ id });
    expect(await codeOf(append(id, lease))).toBe('fenced');
    expect(await codeOf(client.leases.release({ id, token: lease }))).toBe('fenced');
    await append(id);
  });

  it('of a living session guards the deleted ones of its id, and none comes back with a restore', async () => {
    const { id, lease } = await held();
    await client.sessions.delete({ id, lease });
    await client.sessions.create({ id });
    const { token } = await client.leases.acquire({ id, owner: 'newer' });
    expect(await codeOf(client.sessions.delete({ id, erase: true }))).toBe('leased');
    await client.sessions.delete({ id, lease: token });
    expect((await client.sessions.restore({ id })).messageCount).toBe(0);
    for (const each of [lease, token]) expect(await codeOf(append(id, each))).toBe('fenced');
    await append(id);
  });

  it('stays with the parent: a fork is free, and its own lease is another', async () => {
    const { id, lease } = await held();
    const fork = await client.sessions.fork({ id });
    expect(await client.sessions.get({ id: fork.id })).toMatchObject({ lease: null, leasedUntil: null });
    expect(await codeOf(append(fork.id, lease))).toBe('fenced');
    await append(fork.id);
    const own = await client.leases.acquire({ id: fork.id, owner: 'other' });
    expect(await codeOf(append(id, own.token))).toBe('fenced');
    await append(id, lease);
    await append(fork.id, own.token);
  });

  it('holds for the deliveries that a fork shares: they are not changed behind the holder', async () => {
    const { id } = await held();
    const fork = await client.sessions.fork({ id });
    const before = await client.sessions.messages({ id });
    const change = { id: fork.id, messageId: 'first', delivery: 'failed' as const };
    await client.sessions.setDelivery(change).catch(() => undefined);
    expect(await client.sessions.messages({ id })).toEqual(before);
  });

  it('goes on over a replace that changes messages, and names nothing that replace could make', async () => {
    const { id, lease } = await held();
    const replaced = await client.sessions.replace({ id, messages: [{ other: 1 }], allowShrink: true, lease });
    expect(replaced).toMatchObject({ generation: 1, leasedUntil: expect.any(String) as string });
    await append(id, lease);
    expect(await codeOf(append(id))).toBe('leased');
    const absent = client.sessions.replace({ id: 'never made', messages: [], lease });
    expect(await codeOf(absent)).toBe('not_found');
    expect(await codeOf(client.sessions.get({ id: 'never made' }))).toBe('not_found');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('survives the daemon, ended by %s', async (signal) => {
    const { id, lease } = await held();
    const lapsed = await held(100);
    const before = await client.sessions.get({ id });
    const released = await held();
    await client.leases.release({ id: released.id, token: released.lease });
    await daemon.end(signal);
    daemon = await home.start();

    expect(await client.sessions.get({ id })).toEqual(before);
    expect((await refusal(append(id))).details.holder).toEqual(before.lease);
    expect(await codeOf(client.leases.acquire({ id, owner: 'x' }))).toBe('leased');
    await append(id, lease);
    // The newest token still works after its time, the one that was given up does not.
    await until('it has lapsed', async () => (await client.sessions.get({ id: lapsed.id })).lease === null);
    await append(lapsed.id, lapsed.lease);
    expect(await codeOf(append(released.id, released.lease))).toBe('fenced');
    // A token is never given twice, over restarts too.
    const next = await client.leases.acquire({ id, owner: 'x', force: true });
    expect([lease, lapsed.lease, released.lease]).not.toContain(next.token);
    expect(await codeOf(append(id, lease))).toBe('fenced');
  });

  it('lets a take-over by force and every other change of hands be read in the log', async () => {
    const { id, lease } = await held();
    const other = home.client({ client: 'forcing/2' });
    await client.leases.acquire({ id, owner: 'holder', token: lease });
    const { token } = await other.leases.acquire({ id, owner: 'other', force: true });
    await append(id, token);
    await other.leases.release({ id, token });
    const { items } = await client.sessions.messages({ id });
    expect(items).toHaveLength(2);

    await daemon.end();
    const db = new DatabaseSync(home.paths.database, { readOnly: true });
    const rows = db
      .prepare("SELECT op, client, pid FROM log WHERE kind = 'lease' AND id = ? ORDER BY position")
      .all(id);
    db.close();
    daemon = await home.start();
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['leases.acquire', 'holder/1', process.pid],
      ['leases.acquire', 'forcing/2', process.pid],
      ['leases.release', 'forcing/2', process.pid],
    ]);
    // A lease is no message of the session.
    expect(itemsOf(await client.sessions.messages({ id }))).toEqual(items);
  });
});
