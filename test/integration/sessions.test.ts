import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

describe('sessions', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('creates with 201, a generated id and the revision as ETag', async () => {
    const { status, headers, json } = await send(home.paths.socket, 'POST', '/v1/apps/test/sessions', {});
    const session = json as { id: string; revision: string; createdAt: string };
    expect(status).toBe(201);
    expect(session.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(headers['etag']).toBe(`"${session.revision}"`);
    expect(session).toEqual({
      id: session.id,
      title: null,
      model: null,
      workingDirectory: null,
      status: 'active',
      head: 0,
      messageCount: 0,
      generation: 0,
      preview: null,
      inputTokens: 0,
      outputTokens: 0,
      costNanoUsd: 0,
      forkedFrom: null,
      leasedUntil: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: session.createdAt,
      deletedAt: null,
      revision: session.revision,
      metadata: {},
      lease: null,
    });
  });

  it('gives every session its own id', async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => client.sessions.create()));
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(50);
  });

  it('keeps every field and answers the same to get', async () => {
    const fields = {
      id: 'Größe / 1',
      title: 'Ein Titel – „so“',
      model: 'm-1',
      workingDirectory: '/home/u/a b',
      status: 'paused' as const,
      metadata: { nested: { list: [1, null, 'x', true] } },
    };
    const created = await client.sessions.create(fields);
    expect(created).toMatchObject(fields);
    expect(await client.sessions.get({ id: fields.id })).toEqual(created);
  });

  it('refuses an id that exists with its revision, and leaves the session as it was', async () => {
    const first = await client.sessions.create({ id: 'taken', title: 'first' });
    const refused = await refusal(client.sessions.create({ id: 'taken', title: 'second' }));
    expect(refused).toMatchObject({ code: 'exists', status: 409, details: { current: first.revision } });
    expect(await client.sessions.get({ id: 'taken' })).toEqual(first);
  });

  it('compares ids as NFC', async () => {
    const { id } = await client.sessions.create({ id: 'cafe\u0301' });
    expect(id).toBe('caf\u00e9');
    expect((await refusal(client.sessions.create({ id: 'caf\u00e9' }))).code).toBe('exists');
    await client.sessions.append({ id: 'cafe\u0301', messages: [{ role: 'user' }] });
    expect((await client.sessions.get({ id: 'caf\u00e9' })).messageCount).toBe(1);
  });

  it('keeps applications apart', async () => {
    const other = home.client({ app: 'other' });
    await client.sessions.create({ id: 'mine', title: 'test' });
    expect((await refusal(other.sessions.get({ id: 'mine' }))).code).toBe('not_found');
    await other.sessions.create({ id: 'mine', title: 'other' });
    expect((await client.sessions.get({ id: 'mine' })).title).toBe('test');
  });

  it('says which session is not there', async () => {
    const refused = await refusal(client.sessions.get({ id: 'nowhere' }));
    expect(refused).toMatchObject({ code: 'not_found', status: 404, message: expect.stringContaining('nowhere') });
  });

  it.each([
    ['status', { status: 'done' }],
    ['title', { title: 'a\0b' }],
    ['title', { title: '\ud800' }],
    ['title', { title: 'x'.repeat(1001) }],
    ['model', { model: 7 }],
    ['workingDirectory', { workingDirectory: `/${'x'.repeat(4096)}` }],
    ['metadata', { metadata: [] }],
    ['metadata', { metadata: null }],
    ['head', { head: 3 }],
  ])('refuses a wrong %s by name: %o', async (path, body) => {
    const { status, json } = await send(home.paths.socket, 'POST', '/v1/apps/test/sessions', body);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'invalid_input', errors: [{ path }] });
  });
});
