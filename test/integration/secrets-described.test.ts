import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import type { Operation } from '../../shared/operation.ts';
import { secretMapper } from '../../shared/secret.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { Markers, storeEverySecret } from '../helpers/secrets.ts';

// Who may see a secret is told by the descriptors alone, so what they say is looked at from both sides.

const operations = Object.entries(contract).flatMap(([group, verbs]) =>
  Object.entries(verbs as Record<string, Operation>).map(([verb, one]) => [`${group}.${verb}`, one] as const),
);
/** Fields whose name says that they hold a secret. */
const telling = /^(accessToken|refreshToken|apiKey|rejected|secret|password|username|passphrase|code)$/;
/** The fields of a described value that have such a name or the format of a secret. */
function fieldsOf(schema: unknown, named = ''): { name: string; secret: boolean }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { format, properties = {}, type } = schema as { format?: string; properties?: object; type?: string };
  const here =
    type === 'string' && (format === 'password' || telling.test(named))
      ? [{ name: named, secret: format === 'password' }]
      : [];
  const inside = Object.entries(schema).flatMap(([key, part]) => (key === 'properties' ? [] : fieldsOf(part, named)));
  return [...here, ...inside, ...Object.entries(properties).flatMap(([name, part]) => fieldsOf(part, name))];
}

describe('OpenAPI', () => {
  let home: TestHome;
  let paths: Record<
    string,
    Record<
      string,
      { operationId: string; requestBody?: unknown; parameters?: unknown; responses: Record<string, unknown> }
    >
  >;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    ({ paths } = (await curl(home.paths.socket, 'GET', '/v1/openapi.json')).json as { paths: typeof paths });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('marks every secret that is given, and none of them travels in a URL', () => {
    const entries = Object.values(paths).flatMap((methods) => Object.values(methods));
    const given = entries.flatMap(({ operationId, requestBody }) =>
      fieldsOf(requestBody).map((field) => ({ operationId, ...field })),
    );
    const named = (secret: boolean) =>
      given.filter((one) => one.secret === secret).map(({ operationId, name }) => `${operationId} ${name}`);
    expect(named(false)).toEqual([]);
    expect([...new Set(named(true))].toSorted()).toEqual([
      'auth.commitRefresh accessToken',
      'auth.commitRefresh refreshToken',
      'auth.put accessToken',
      'auth.put apiKey',
      'auth.put refreshToken',
      'auth.refresh rejected',
      'feeds.patch password',
      'feeds.patch token',
      'feeds.patch username',
      'feeds.put password',
      'feeds.put token',
      'feeds.put username',
      'keys.init passphrase',
      'keys.restore code',
      'keys.restore passphrase',
      'keys.unlock passphrase',
      'pending.put secret',
    ]);
    expect(JSON.stringify(entries.map(({ parameters }) => parameters))).not.toContain('"password"');
  });

  it('marks every secret that is answered, and only operations of access secret answer any', () => {
    for (const [name, { access, secret, output }] of operations) {
      const revealing = secretMapper(output, 'output') !== undefined;
      expect([name, revealing]).toEqual([name, secret ?? false]);
      expect([name, revealing && access !== 'secret']).toEqual([name, false]);
    }
    const revealing = Object.values(paths)
      .flatMap((methods) => Object.values(methods))
      .filter(({ responses }) => fieldsOf(responses).some(({ secret }) => secret))
      .map(({ operationId }) => operationId);
    expect(revealing.toSorted()).toEqual(operations.flatMap(([name, { secret }]) => (secret ? [name] : [])).toSorted());
  });
});

/** A made-up secret in every place of a schema that is marked, with what finds them. */
const nested = [
  ['feeds.put', { auth: { kind: 'basic', username: 'S1', password: 'S2' } }],
  ['feeds.put', { auth: { kind: 'bearer', token: 'S1' } }],
  ['feeds.put', { auth: { kind: 'wrong', token: 'S1', password: 'S2' } }],
  ['auth.put', { accessToken: 'S1', refreshToken: 'S2', apiKey: 'S3' }],
  // An alternative in an alternative: auth, or null.
  ['feeds.patch', { patch: { auth: { kind: 'basic', username: 'S1', password: 'S2' } } }],
  ['feeds.patch', { patch: { auth: { kind: 'bearer', token: 'S1' } } }],
] as const;

const found = (name: string, input: object) => {
  const secrets: string[] = [];
  const [, operation] = operations.find(([known]) => known === name) ?? [];
  if (operation) secretMapper(operation.input, 'input')?.(input, (secret) => (secrets.push(secret), secret));
  return secrets.toSorted();
};
const expected = (input: object) => [...JSON.stringify(input).matchAll(/S\d/g)].map(([secret]) => secret).toSorted();

describe('the secrets of an input', () => {
  it.each(nested)('are found in %s', (name, input) => expect(found(name, input)).toEqual(expected(input)));
});

describe('an answer of an operation that reveals nothing', () => {
  it('holds no secret, whatever is asked and in whatever form', async () => {
    await using home = new TestHome();
    await home.start();
    const markers = new Markers();
    await storeEverySecret(home, markers);
    const base = '/v1/apps/test';
    const asked = [
      '/auth',
      '/auth?limit=1',
      '/auth?sort=createdAt&order=desc',
      '/auth/oauth',
      '/auth/key',
      '/auth/oauth/versions',
      '/feeds',
      '/feeds/basic',
      '/feeds/renamed',
      '/feeds?sort=createdAt',
    ];
    for (const path of asked) {
      const { status, text, headers } = await curl(home.paths.socket, 'GET', base + path);
      expect([path, status]).toEqual([path, 200]);
      expect(markers.in(text + JSON.stringify(headers))).toEqual([]);
    }
    for (const path of [
      '/auth/oauth/token',
      '/auth/pending/login',
      '/auth/pending/login/take',
      '/feeds/basic/credentials',
    ]) {
      // A secret is asked for with POST only, so that no link and no cache holds it.
      const { status, text } = await curl(home.paths.socket, 'GET', base + path);
      expect([path, status]).toEqual([path, 404]);
      expect(markers.in(text)).toEqual([]);
    }
    const reveal = await curl(home.paths.socket, 'POST', `${base}/feeds/renamed/credentials`);
    expect(reveal.headers['cache-control']).toBe('no-store');
    expect(markers.in(reveal.text)).not.toEqual([]);
  });
});
