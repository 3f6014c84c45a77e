import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reasonOf } from '../../daemon/http/restricted.ts';
import { contract } from '../../shared/contract.ts';
import type { Operation } from '../../shared/operation.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { EventReader } from '../helpers/events.ts';
import { refused } from '../helpers/refusal.ts';
import { readAll } from '../helpers/streams.ts';
import { askEverything } from './openapi-calls.ts';

// The same daemon on both sockets: what the restricted one refuses, the main one does.

const url = 'https://example.org/feed.xml';
const of = '/v1/apps/test';
const no = '403 restricted';

/** Refused whatever the input says, but for a dry run. An operation that is added falls to one side by its descriptor: say here which. */
const forMainOnly = `
  auth.commitRefresh auth.delete auth.failRefresh auth.put auth.refresh auth.restore auth.token
  budgets.delete budgets.put config.delete config.patch config.put config.revert config.set costs.clear drafts.delete feeds.credentials feeds.delete
  keys.backup keys.init keys.restore keys.rotate keys.status keys.unlock
  leases.release limits.delete limits.put pending.put pending.take queues.clear queues.remove sessions.delete
  system.shutdown`;
const forBoth = `
  auth.get auth.list auth.versions batch.run budgets.list changes.stream
  config.diff config.get config.list config.version config.versions costs.list costs.record costs.summary
  drafts.get drafts.put feeds.get feeds.list feeds.patch feeds.put feeds.rename
  files.ack files.claim files.list files.nack files.push files.stats leases.acquire limits.acquire limits.list
  queues.ack queues.add queues.claim queues.edit queues.get queues.list queues.nack queues.reorder queues.requeue queues.stats
  search.everywhere search.messages
  sessions.abandon sessions.append sessions.create sessions.export sessions.fork sessions.get sessions.list sessions.messages
  sessions.replace sessions.resolve sessions.restore sessions.resumable sessions.setDelivery sessions.stream sessions.update
  system.health system.metrics system.openapi system.version`;
const words = (text: string) => text.trim().split(/\s+/).toSorted();

const operations = new Map<string, Operation>(
  Object.entries(contract).flatMap(([group, verbs]) =>
    Object.entries(verbs as Record<string, Operation>).map(([verb, one]) => [`${group}.${verb}`, one] as const),
  ),
);

it('every operation is on its side, and all are done by the main socket', async () => {
  await using home = new TestHome();
  await home.start();
  const sides = { done: new Set<string>(), refused: new Set<string>() };
  await askEverything(async (name, path, body, headers = {}) => {
    const { method, stream, statuses = [200] } = operations.get(name) as Operation;
    const plain = method === 'GET' || method === 'DELETE';
    const ask = (socket: string) =>
      plain ? readAll(socket, path, headers, method) : send(socket, method, path, body ?? {}, headers);
    let reply = await ask(home.paths.agentSocket);
    const isRefused = reply.status === 403 && reply.text.includes('"code":"restricted"');
    sides[isRefused ? 'refused' : 'done'].add(name);
    if (isRefused) reply = await ask(home.paths.socket);
    expect({ name, status: reply.status, statuses }).toMatchObject({
      statuses: expect.arrayContaining([reply.status]) as unknown,
    });
    return reply.text.startsWith('{') && !stream ? (JSON.parse(reply.text) as unknown) : undefined;
  });
  // These are refused above for what their input says: the tests below tell it from them.
  for (const name of ['batch.run', 'feeds.put', 'sessions.replace']) expect(sides.refused.delete(name)).toBe(true);
  // What it does not ask, openapi.test.ts misses.
  expect(words(forMainOnly)).toEqual(expect.arrayContaining([...sides.refused]));
  expect(words(forBoth)).toEqual(expect.arrayContaining([...sides.done]));
  expect([...operations.keys()].toSorted()).toEqual(words(forMainOnly + forBoth));
});

/** Inputs that go by the name of an override, of operations that the restricted socket does whatever they say. */
const unguarded = (all: Iterable<[string, Pick<Operation, 'access' | 'method' | 'input' | 'mainOnly'>]>) =>
  [...all].flatMap(([name, operation]) =>
    Object.keys(operation.input.shape)
      .filter((field) => /erase|force|purge|shrink|overwrite|takeover|fatal/i.test(field))
      .filter(() => reasonOf(operation) === undefined && operation.mainOnly === undefined)
      .map((field) => `${name} ${field}`),
  );

it('no input that goes by the name of an override is forgotten', () => {
  expect(unguarded(operations)).toEqual([]);
  // Red control.
  const { access, method, input } = contract.leases.acquire;
  expect(unguarded([['leases.acquire', { access, method, input }]])).toEqual(['leases.acquire force']);
});

describe('the restricted socket', () => {
  let home: TestHome;
  let agent: string;
  let main: string;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    ({ agentSocket: agent, socket: main } = home.paths);
    const client = home.client();
    for (const name of ['plain', 'other']) await client.feeds.put({ name, url });
    await client.feeds.put({ name: 'sealed', url, auth: { kind: 'bearer', token: 'the token of sealed' } });
    for (const id of ['kept', 'leased', 'batched']) {
      await client.sessions.create({ id });
      await client.sessions.append({ id, messages: [{ role: 'user', content: 'a', id: 'm' }] });
    }
    await client.leases.acquire({ id: 'leased', owner: 'somebody' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each([
    ['takes no lease by force', 'POST', 'sessions/leased/lease', { owner: 'me', force: true }, 'force'],
    ['drops no messages', 'PUT', 'sessions/kept', { messages: [], allowShrink: true }, 'allowShrink'],
    ['replaces no feed', 'PUT', 'feeds/sealed', { url: 'https://evil.example/' }, 'another address'],
    ['does not redirect one', 'PATCH', 'feeds/sealed', { patch: { url: 'https://evil.example/' } }, 'another address'],
    ['changes no credentials', 'PATCH', 'feeds/sealed', { patch: { auth: { kind: 'bearer', token: 'x' } } }, 'auth'],
    ['removes none', 'PATCH', 'feeds/sealed', { patch: { auth: null } }, 'auth'],
    ['stores none', 'PUT', 'feeds/new', { url, ifAbsent: true, auth: { kind: 'bearer', token: 'x' } }, 'auth'],
  ] as const)('%s, and says why; the main one does it', async (_, method, path, body, why) => {
    const reply = await send(agent, method, `${of}/${path}`, body);
    expect(refused(reply)).toBe(no);
    expect(reply.json).toMatchObject({ detail: expect.stringContaining(why) as unknown, retryable: false });
    expect(reply.text).toContain('The main socket does it');
    expect((await send(main, method, `${of}/${path}`, body)).status).toBeLessThan(300);
  });

  it.each([
    ['POST', 'sessions/kept/lease', { owner: 'me', force: false }],
    ['PUT', 'sessions/new', { messages: [] }],
    ['PUT', 'feeds/added', { url, ifAbsent: true }],
    ['PATCH', 'feeds/plain', { patch: { category: 'Read' } }],
  ] as const)('does %s %s with %j', async (method, path, body) => {
    expect((await send(agent, method, `${of}/${path}`, body)).status).toBeLessThan(300);
  });

  it('goes by the operation also for HEAD, and reads no body of what it refuses', async () => {
    expect((await curl(agent, 'HEAD', '/v1/version')).status).toBe(200);
    expect((await curl(agent, 'HEAD', '/v1/keys')).status).toBe(403);
    expect((await curl(main, 'HEAD', '/v1/keys')).status).toBe(200);
    expect(refused(await send(agent, 'POST', `${of}/auth/p/token`, '{'))).toBe(no);
    expect(refused(await send(main, 'POST', `${of}/auth/p/token`, '{'))).toBe('400 malformed_json');
  });

  it('refuses what every socket does', async () => {
    const headers = { origin: 'https://example.org' };
    expect(refused(await curl(agent, 'GET', '/v1/health', { headers }))).toBe('403 forbidden_origin');
    expect(refused(await curl(agent, 'GET', '/v1/nothing'))).toBe('404 unknown_route');
  });

  const calls = [
    { op: 'feeds.patch', app: 'test', input: { name: 'other', patch: { category: 'changed' } } },
    { op: 'sessions.delete', app: 'test', input: { id: 'batched' } },
    { op: 'feeds.patch', app: 'test', input: { name: 'other', patch: { url: 'https://evil.example/' } } },
  ];
  const category = async () => (await home.client().feeds.get({ name: 'other' })).category;

  it('refuses an atomic batch that holds such a call, by its place, and stores nothing of it', async () => {
    for (const [index, call] of calls.entries()) {
      if (index === 0) continue;
      const reply = await send(agent, 'POST', '/v1/batch', { atomic: true, calls: [calls[0], call] });
      expect(refused(reply)).toBe(no);
      expect(reply.json).toMatchObject({ index: 1 });
    }
    expect(await category()).toBeNull();
  });

  it('refuses such calls of an independent batch alone', async () => {
    const reply = await send(agent, 'POST', '/v1/batch', { calls });
    const problem = { problem: expect.objectContaining({ code: 'restricted' }) as unknown };
    const results = [{ status: 200 }, { status: 403, ...problem }, { status: 403, ...problem }];
    expect(reply).toMatchObject({ status: 200, json: { results } });
    expect(await category()).toBe('changed');
    expect((await home.client().sessions.get({ id: 'batched' })).id).toBe('batched');
    const done = await send(main, 'POST', '/v1/batch', { atomic: true, calls });
    expect(done.status).toBe(200);
  });

  it('tells every change, credentials too: that they changed, as auth.list does', async () => {
    await home.client().auth.put({ profile: 'work', kind: 'api-key', apiKey: 'the key of work' });
    using reader = await EventReader.open(agent, '?after=0&kind=credential');
    await reader.count(1);
    expect(reader.told).toEqual(['credential work']);
    expect(JSON.stringify(reader.events)).not.toContain('the key of work');
    expect((await curl(agent, 'GET', `${of}/auth`)).json).toMatchObject({ items: [{ profile: 'work' }] });
  });

  it('serves a client, whose refused call says what to do and is not made again', async () => {
    const client = home.client({ socket: agent });
    await client.sessions.create({ id: 'by-client' });
    await Promise.all(
      ['1', '2', '3'].map((content) => client.sessions.append({ id: 'by-client', messages: [{ content }] })),
    );
    await expect(client.sessions.delete({ id: 'by-client' })).rejects.toMatchObject({
      code: 'restricted',
      status: 403,
    });
    await expect(client.auth.token({ profile: 'work' })).rejects.toMatchObject({ code: 'restricted' });
    expect((await client.sessions.messages({ id: 'by-client' })).items).toHaveLength(3);
  });
});
