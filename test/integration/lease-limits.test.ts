import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

describe('what is asked of a lease', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('lasts from 100 ms to a day, and has an owner that people can read', async () => {
    const { id } = await client.sessions.create();
    const path = `/v1/apps/test/sessions/${id}/lease`;
    const fieldsOf = async (input: object) => wrongFields(await send(home.paths.socket, 'POST', path, input));
    for (const ttlMs of [99, 0, -1, 100.5, 86_400_001, '1000', null]) {
      expect(await fieldsOf({ owner: 'x', ttlMs })).toEqual(['ttlMs']);
    }
    for (const owner of [undefined, null, 7, 'x'.repeat(201), 'a\0b', '\ud800']) {
      expect(await fieldsOf({ owner })).toEqual(['owner']);
    }
    expect(await fieldsOf({ owner: 'x', token: 'x'.repeat(65) })).toEqual(['token']);
    expect(await fieldsOf({ owner: 'x', force: 'true' })).toEqual(['force']);
    expect((await client.sessions.get({ id })).lease).toBeNull();
    for (const ttlMs of [100, 86_400_000]) {
      const { since, expiresAt } = await client.leases.acquire({ id, owner: 'x'.repeat(200), ttlMs, force: true });
      expect(Date.parse(expiresAt) - Date.parse(since)).toBe(ttlMs);
    }
  });

  it('is of a session that exists, and of this application', async () => {
    const { id } = await client.sessions.create();
    const elsewhere = home.client({ app: 'other' });
    expect((await refusal(elsewhere.leases.acquire({ id, owner: 'x' }))).code).toBe('not_found');
    expect((await refusal(client.leases.acquire({ id: 'none', owner: 'x' }))).code).toBe('not_found');
    expect((await refusal(client.leases.release({ id: 'none', token: 'x' }))).code).toBe('not_found');
  });

  it('a release names its token, in the query as every DELETE', async () => {
    const { id } = await client.sessions.create();
    const { token } = await client.leases.acquire({ id, owner: 'x' });
    const release = (query: string) => curl(home.paths.socket, 'DELETE', `/v1/apps/test/sessions/${id}/lease${query}`);
    expect(wrongFields(await release(''))).toEqual(['token']);
    expect(wrongFields(await release(`?token=${'x'.repeat(65)}`))).toEqual(['token']);
    for (const query of ['?token=', '?token=%F0%9F%98%80', '?token=x']) {
      expect(refused(await release(query))).toBe('409 fenced');
    }
    expect((await client.sessions.get({ id })).lease?.owner).toBe('x');
    expect((await release(`?token=${encodeURIComponent(token)}`)).status).toBe(200);
  });

  it('a token is compared whole: one that looks like it is another', async () => {
    const { id } = await client.sessions.create();
    const { token } = await client.leases.acquire({ id, owner: 'x' });
    const alike = [`${token} `, ` ${token}`, `${token}0`, token.slice(0, -1), token.toUpperCase(), `"${token}"`];
    for (const lease of alike.filter((text) => text !== token)) {
      expect((await refusal(client.sessions.append({ id, messages: [{}], lease }))).code).toBe('fenced');
    }
    expect((await client.sessions.get({ id })).messageCount).toBe(0);
  });
});
