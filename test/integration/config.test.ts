import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { hostile } from '../helpers/hostile.ts';
import { itemsOf, walk } from '../helpers/pages.ts';
import { refusal, refused, wrongFields } from '../helpers/refusal.ts';

let home: TestHome;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client();
});
afterAll(() => home[Symbol.asyncDispose]());

const of = '/v1/apps/test/config';
const call = (method: string, path: string, body?: unknown) => send(home.paths.socket, method, `${of}/${path}`, body);
const valueOf = async (name: string) => (await client.config.get({ name })).value;

describe('a document', () => {
  it('is created with 201, replaced with 200, and is never the answer to a write', async () => {
    const created = await call('PUT', 'status', { value: { a: 1 } });
    const replaced = await call('PUT', 'status', { value: { a: 2 } });
    expect([created.status, replaced.status]).toEqual([201, 200]);
    expect(replaced.json).toMatchObject({ name: 'status', version: 2, size: 7 });
    expect(replaced.json).not.toHaveProperty('value');
    expect(replaced.headers['etag']).toBe(`"${(replaced.json as { revision: string }).revision}"`);
  });

  it.each(hostile)('keeps %s, put, set and patched', async (_, value) => {
    await client.config.put({ name: 'hostile', value });
    await client.config.set({ name: 'hostile-set', path: '/a~1b/~0', value });
    await client.config.patch({ name: 'hostile-patched', patch: { a: [value] } });
    const text = JSON.stringify(value);
    expect(JSON.stringify(await valueOf('hostile'))).toBe(text);
    const set = await client.config.get({ name: 'hostile-set', path: '/a~1b/~0' });
    expect(JSON.stringify(set.value)).toBe(text);
    expect(JSON.stringify(await valueOf('hostile-patched'))).toBe(`{"a":[${text}]}`);
  });

  it('may be any JSON value, but is bounded', async () => {
    for (const value of [null, false, 0, '', [], {}]) {
      await client.config.put({ name: 'any', value });
      expect(await valueOf('any')).toEqual(value);
    }
    const path = 'value';
    expect(wrongFields(await call('PUT', 'any', {}))).toEqual([path]);
    expect(wrongFields(await call('PUT', 'any', { value: 'x'.repeat(1024 * 1024) }))).toEqual([path]);
    await client.config.put({ name: 'full', value: { a: 'x'.repeat(1024 * 1024 - 100) } });
    for (const grown of [
      client.config.patch({ name: 'full', patch: { b: 'x'.repeat(100) } }),
      client.config.set({ name: 'full', path: '/b', value: 'x'.repeat(100) }),
      client.config.set({ name: 'full', path: '/b'.repeat(201), value: 1 }),
    ]) {
      expect(await refusal(grown)).toMatchObject({ code: 'invalid_input' });
    }
    expect(await client.config.get({ name: 'full' })).toMatchObject({ version: 1 });
  });

  it('is one value of it, where a path is given', async () => {
    const value = { plugins: [{ name: 'x' }], 'a/b~c': null };
    await client.config.put({ name: 'paths', value });
    const at = async (path: string) => (await client.config.get({ name: 'paths', path })).value;
    expect([await at(''), await at('/plugins/0/name'), await at('/a~1b~0c')]).toEqual([value, 'x', null]);
    for (const path of ['/none', '/plugins/1', '/plugins/-', '/plugins/length', '/constructor', '/__proto__']) {
      expect(await refusal(client.config.get({ name: 'paths', path }))).toMatchObject({ code: 'not_found' });
    }
    expect(wrongFields(await call('GET', 'paths?path=plugins.0'))).toEqual(['path']);
  });

  it('is listed without its value, by name and by time, in pages', async () => {
    const own = home.client({ app: 'listed' });
    for (const name of ['b', 'c', 'a']) await own.config.put({ name, value: name });
    const pages = await walk((page) => own.config.list({ limit: 2, ...page }));
    expect(itemsOf(pages).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    const newest = await own.config.list({ sort: 'createdAt', order: 'desc' });
    expect(itemsOf(newest).map(({ size }) => size)).toEqual([3, 3, 3]);
  });
});

const setIn = async (path: string, value?: unknown) => {
  await client.config.set({ name: 'set', path, ...(value !== undefined && { value }) });
  return valueOf('set');
};

describe('set', () => {
  it('makes the objects on the way, appends to arrays, replaces and removes', async () => {
    expect(await setIn('/plugins/news/enabled', true)).toEqual({ plugins: { news: { enabled: true } } });
    expect(await setIn('/list', [1])).toMatchObject({ list: [1] });
    expect(await setIn('/list/-', 2)).toMatchObject({ list: [1, 2] });
    expect(await setIn('/list/2/x', 3)).toMatchObject({ list: [1, 2, { x: 3 }] });
    expect(await setIn('/list/0')).toMatchObject({ list: [2, { x: 3 }] });
    expect(await setIn('/plugins')).toEqual({ list: [2, { x: 3 }] });
    expect(await setIn('/', 'empty')).toMatchObject({ '': 'empty' });
    expect(await setIn('', [7])).toEqual([7]);
  });

  it('refuses what would replace something by the way, and names it', async () => {
    await client.config.put({ name: 'way', value: { a: { b: 'text' }, list: [1] } });
    for (const [path, message] of [
      ['/a/b/c', /path goes through '\/a\/b'/],
      ['/list/2', /array '\/list', which has 1/],
      ['/list/01', /array '\/list'/],
      ['/list/x', /array '\/list'/],
    ] as const) {
      const error = await refusal(client.config.set({ name: 'way', path, value: 1 }));
      expect([error.code, error.message]).toEqual(['invalid_input', expect.stringMatching(message)]);
      // What is not there is removed already.
      expect(await client.config.set({ name: 'way', path })).toMatchObject({ version: 1 });
    }
    expect(refused(await call('POST', 'way/set', { path: '' }))).toBe('400 invalid_input');
    expect(refused(await call('POST', 'nothing/set', { path: '/a' }))).toBe('404 not_found');
  });

  it('has names that objects have from birth as data', async () => {
    await client.config.set({ name: 'proto', path: '/__proto__/polluted', value: true });
    expect(JSON.stringify(await valueOf('proto'))).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('guards', () => {
  it('refuse a stale revision with the current one, of every write', async () => {
    const old = await client.config.put({ name: 'guarded', value: 1 });
    const { revision } = await client.config.put({ name: 'guarded', value: 2, expectedRevision: old.revision });
    const guard = { name: 'guarded', expectedRevision: old.revision };
    for (const write of [
      client.config.put({ ...guard, value: 3 }),
      client.config.patch({ ...guard, patch: { a: 1 } }),
      client.config.set({ ...guard, path: '', value: 3 }),
      client.config.revert({ ...guard, version: 1 }),
      client.config.delete(guard),
      client.config.delete({ ...guard, erase: true }),
    ]) {
      expect(await refusal(write)).toMatchObject({ code: 'stale', status: 412, details: { current: revision } });
    }
    expect(await refusal(client.config.put({ name: 'guarded', value: 3, ifAbsent: true }))).toMatchObject({
      code: 'exists',
    });
    const missing = client.config.patch({ name: 'missing', patch: {}, expectedRevision: revision });
    expect(await refusal(missing)).toMatchObject({ code: 'stale' });
    expect(await valueOf('guarded')).toBe(2);
  });

  it('a write that changes nothing leaves version and revision, whichever way it was made', async () => {
    const first = await client.config.put({ name: 'same', value: { a: { b: 1 } } });
    for (const write of [
      client.config.put({ name: 'same', value: { a: { b: 1 } } }),
      client.config.patch({ name: 'same', patch: { a: { c: null } } }),
      client.config.set({ name: 'same', path: '/a/b', value: 1 }),
      client.config.revert({ name: 'same', version: 1 }),
    ]) {
      expect(await write).toEqual(first);
    }
  });

  it('a write that is sent again with its key happens once, and answers the same', async () => {
    const set = () => client.config.set({ name: 'keyed', path: '/list/-', value: 1 }, { key: 'once' });
    await client.config.put({ name: 'keyed', value: { list: [] } });
    const [first, second] = [await set(), await set()];
    expect([second, await valueOf('keyed')]).toEqual([first, { list: [1] }]);
  });
});

const setBatched = (path: string) => ({ op: 'config.set', input: { name: 'batched', path, value: 1 } }) as const;

it('is in an atomic batch with other kinds, all or nothing, and read there as it was just written', async () => {
  const feed = { op: 'feeds.put', input: { name: 'batched', url: 'https://example.org/' } } as const;
  const calls = [setBatched('/a'), feed, setBatched('/b'), { op: 'config.get', input: { name: 'batched' } } as const];
  const failing = await refusal(client.batch.run({ atomic: true, calls: [...calls, setBatched('/a/x')] }));
  expect([failing.code, failing.details.index]).toEqual(['invalid_input', 4]);
  expect(await refusal(client.config.versions({ name: 'batched' }))).toMatchObject({ code: 'not_found' });
  const { results } = await client.batch.run({ atomic: true, calls });
  expect(results[3]).toMatchObject({ output: { version: 2, value: { a: 1, b: 1 } } });
});
