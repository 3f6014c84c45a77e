import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import { pathFields, type Operation } from '../../shared/operation.ts';
import { curl, send, type RawReply } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';

interface Described {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema?: object }[];
  requestBody?: { content: { 'application/json': { schema: { properties: object; additionalProperties: boolean } } } };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Described>>;
}

const operations = Object.entries(contract).flatMap(([group, verbs]) =>
  Object.entries(verbs as Record<string, Operation>).map(
    ([verb, operation]) => [`${group}.${verb}`, operation] as const,
  ),
);

describe('/v1/openapi.json', () => {
  let home: TestHome;
  let document: Document;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    document = (await curl(home.paths.socket, 'GET', '/v1/openapi.json')).json as Document;
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('is OpenAPI 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('holds every operation of the contract once, and nothing else', () => {
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      operations.map(([name, { method, path }]) => `${name} ${method} ${path}`).toSorted(),
    );
  });

  it.each(operations)('%s declares its fields, each once, where it travels', (_, operation) => {
    const described = document.paths[operation.path]?.[operation.method.toLowerCase()];
    const parameters = described?.parameters ?? [];
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name).toSorted()).toEqual(pathFields(operation.path).toSorted());
    expect(inPath.every(({ required, schema }) => required && schema !== undefined)).toBe(true);
    const body = described?.requestBody?.content['application/json'].schema;
    const inQuery = parameters.filter((parameter) => parameter.in === 'query');
    const names = [...inPath, ...inQuery].map(({ name }) => name);
    expect([...names, ...Object.keys(body?.properties ?? {})].toSorted()).toEqual(
      Object.keys(operation.input.shape).toSorted(),
    );
    expect(body?.additionalProperties ?? false).toBe(false);
    for (const status of operation.statuses ?? [200]) {
      expect(described?.responses[String(status)]?.content['application/json']?.schema).toBeTypeOf('object');
    }
    expect(described?.responses['4XX']?.content['application/problem+json']).toBeDefined();
  });

  it('has no reference that leads nowhere', () => {
    const references = JSON.stringify(document).matchAll(/"\$(?:ref|dynamicRef)":"([^"]*)"/g);
    const targets = [...new Set(Array.from(references, ([, target = '']) => target))];
    expect(targets).toContain('#/components/schemas/Problem');
    for (const target of targets) {
      expect(target).toMatch(/^#\//);
      const steps = target
        .slice(2)
        .split('/')
        .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'));
      const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document);
      expect({ target, found }).toEqual({ target, found: expect.any(Object) });
    }
  });

  it('says what the daemon answers: each output has its schema, and no field more', async () => {
    const { socket } = home.paths;
    const [feed, session] = ['/v1/apps/test/feeds/a', '/v1/apps/test/sessions/s'];
    const url = 'https://example.org/feed.xml';
    const calls: [string, () => Promise<RawReply>][] = [
      ['system.health', () => curl(socket, 'GET', '/v1/health')],
      ['system.version', () => curl(socket, 'GET', '/v1/version')],
      ['system.openapi', () => curl(socket, 'GET', '/v1/openapi.json')],
      ['feeds.put', () => send(socket, 'PUT', feed, { url, tags: ['t'], metadata: { a: [1] } })],
      ['feeds.get', () => curl(socket, 'GET', feed)],
      ['feeds.list', () => curl(socket, 'GET', '/v1/apps/test/feeds')],
      ['feeds.patch', () => send(socket, 'PATCH', feed, { patch: { category: 'c' } })],
      ['feeds.rename', () => send(socket, 'POST', `${feed}/rename`, { to: 'b' })],
      ['feeds.delete', () => curl(socket, 'DELETE', '/v1/apps/test/feeds/b')],
      ['sessions.create', () => send(socket, 'POST', '/v1/apps/test/sessions', { id: 's', metadata: { a: 1 } })],
      ['sessions.append', () => send(socket, 'POST', `${session}/messages`, { messages: [{ role: 'user', x: [1] }] })],
      ['sessions.get', () => curl(socket, 'GET', session)],
      ['sessions.list', () => curl(socket, 'GET', '/v1/apps/test/sessions')],
      ['sessions.messages', () => curl(socket, 'GET', `${session}/messages`)],
      ['system.shutdown', () => send(socket, 'POST', '/v1/shutdown', {})],
    ];
    const byName = new Map<string, Operation>(operations);
    for (const [name, call] of calls) {
      const { status, json } = await call();
      const operation = byName.get(name);
      expect(operation?.statuses ?? [200]).toContain(status);
      expect(operation?.output.parse(json)).toEqual(json);
    }
    // A kind that is added belongs into the calls above.
    expect(calls.map(([name]) => name).toSorted()).toEqual([...byName.keys()].toSorted());
  });
});
