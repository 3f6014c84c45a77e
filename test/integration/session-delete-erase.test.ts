import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';

const three = ['a', 'b', 'c'].map((id) => ({ id, role: 'user', content: `said ${id}` }));

describe('erase', () => {
  let home: TestHome;
  let client: Client;
  let id = '';
  let made = 0;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  beforeEach(async () => {
    id = `session ${++made}`;
    await client.sessions.replace({ id, title: 'T', messages: three });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const erase = (more = {}) => client.sessions.delete({ id, erase: true, ...more });
  const isGone = async () => {
    expect(itemsOf(await client.sessions.list({ deleted: true })).map((item) => item.id)).not.toContain(id);
    expect((await refusal(client.sessions.restore({ id }))).code).toBe('not_found');
    expect((await refusal(client.sessions.get({ id }))).message).not.toContain('restored');
    return true;
  };

  it('is final: nothing lists or restores the session, and nobody is told that it could be', async () => {
    await erase();
    expect(await isGone()).toBe(true);
    expect(await refusal(erase())).toMatchObject({ code: 'not_found', status: 404 });
  });

  it('is for sessions that were deleted before, all of this id', async () => {
    await client.sessions.delete({ id });
    await client.sessions.replace({ id, messages: three });
    const { revision } = await client.sessions.delete({ id });
    const path = `/v1/apps/test/sessions/${encodeURIComponent(id)}?erase=true`;
    const { json, status } = await curl(home.paths.socket, 'DELETE', path);
    expect({ json, status }).toMatchObject({ status: 200, json: { id, revision: expect.any(String) } });
    expect((json as { revision: string }).revision).not.toBe(revision);
    expect(await isGone()).toBe(true);
  });

  it('of a session that lives takes those of its id along that were deleted before', async () => {
    await client.sessions.delete({ id });
    await client.sessions.replace({ id, messages: three });
    await erase();
    expect(await isGone()).toBe(true);
  });

  it('spares the same id of another application', async () => {
    const other = home.client({ app: 'other' });
    await other.sessions.replace({ id, messages: three });
    await other.sessions.delete({ id });
    await erase();
    expect(await other.sessions.restore({ id })).toMatchObject({ head: 3 });
  });

  it('of a live one refuses a stale revision, and one that is deleted has none', async () => {
    const { revision } = await client.sessions.get({ id });
    await client.sessions.update({ id, patch: { title: 'new' } });
    expect((await refusal(erase({ expectedRevision: revision }))).code).toBe('stale');
    const { revision: tombstone } = await client.sessions.delete({ id });
    expect((await refusal(erase({ expectedRevision: tombstone }))).code).toBe('stale');
    expect(await client.sessions.restore({ id })).toMatchObject({ head: 3, title: 'new' });
  });

  it('needs the lease that somebody holds', async () => {
    const { token } = await client.leases.acquire({ id, owner: 'somebody' });
    expect((await refusal(erase())).code).toBe('leased');
    await erase({ lease: token });
    expect(await isGone()).toBe(true);
  });

  it('happens once for its key: what was made of the id since stays', async () => {
    const once = () => client.sessions.delete({ id, erase: true }, { key: `erase ${id}` });
    const first = await once();
    await client.sessions.create({ id, title: 'new' });
    expect(await once()).toEqual(first);
    expect(await client.sessions.get({ id })).toMatchObject({ title: 'new', head: 0, generation: 0 });
  });
});
