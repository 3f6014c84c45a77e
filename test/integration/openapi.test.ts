import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import { pathFields, type Operation } from '../../shared/operation.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { linesOf, readAll } from '../helpers/streams.ts';

interface Described {
  operationId: string;
  description?: string;
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

const routeOf = ({ method, path }: Operation) => `${method} ${path}`;
/** The operation whose entry a stream is told in: the one that answers JSON on the same route. */
const hostOf = (operation: Operation) =>
  operation.stream &&
  operations.find(([, other]) => other.stream === undefined && routeOf(other) === routeOf(operation));

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

  it('holds every operation of the contract once, and nothing else; a stream in the entry that it shares', () => {
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(
      operations.flatMap(([name, one]) => (hostOf(one) ? [] : [`${name} ${routeOf(one)}`])).toSorted(),
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
      Object.keys((hostOf(operation)?.[1] ?? operation).input.shape).toSorted(),
    );
    expect(names).toEqual(expect.arrayContaining(pathFields(operation.path)));
    expect(body?.additionalProperties ?? false).toBe(false);
    const types = Object.values(operation.produces ?? { json: 'application/json' });
    for (const status of operation.statuses ?? [200]) {
      const { content = {} } = described?.responses[String(status)] ?? {};
      for (const type of types) expect(content[type]?.schema).toBeTypeOf('object');
    }
    expect(described?.responses['4XX']?.content['application/problem+json']).toBeDefined();
  });

  it('tells of a stream beside the document on its route: each content type with its own schema', () => {
    const entry = document.paths['/v1/apps/{app}/sessions/{id}/messages']?.['get'];
    expect(entry?.operationId).toBe('sessions.messages');
    expect(entry?.description).toContain('a line each');
    const content = entry?.responses['200']?.content ?? {};
    expect(Object.keys(content).toSorted()).toEqual(['application/json', 'application/x-ndjson']);
    expect(JSON.stringify(content['application/json'])).toContain('nextCursor');
    expect(JSON.stringify(content['application/x-ndjson'])).toContain('"end"');
    expect(JSON.stringify(content['application/x-ndjson'])).not.toContain('nextCursor');
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
    const byName = new Map<string, Operation>(operations);
    const asked: string[] = [];
    const call = async (name: string, url: string, body?: unknown, headers: Record<string, string> = {}) => {
      const operation = byName.get(name);
      const method = operation?.method ?? '';
      const plain = method === 'GET' || method === 'DELETE';
      const reply = await (plain ? readAll(socket, url, headers, method) : send(socket, method, url, body ?? {}));
      asked.push(name);
      expect({ name, status: reply.status, allowed: operation?.statuses ?? [200] }).toMatchObject({
        allowed: expect.arrayContaining([reply.status]) as unknown,
      });
      for (const output of outputsOf(reply, operation)) expect(operation?.output.parse(output)).toEqual(output);
      return operation?.stream ? undefined : (JSON.parse(reply.text) as unknown);
    };
    await askEverything(call);
    // An operation that is added belongs into the calls below.
    expect(asked.toSorted()).toEqual([...byName.keys()].toSorted());
  });
});

/** The document of a reply, every line of lines, or a text that is neither. */
function outputsOf({ text }: { text: string }, operation: Operation | undefined): unknown[] {
  const types = Object.values(operation?.produces ?? { json: 'application/json' });
  if (types[0]?.startsWith('text/')) return [text];
  return types[0] === 'application/x-ndjson' ? linesOf(text) : [JSON.parse(text)];
}

type Call = (name: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<unknown>;

/** One call of every operation, with as much in its answer as there can be. */
async function askEverything(call: Call): Promise<void> {
  const of = '/v1/apps/test';
  const session = `${of}/sessions/long-id`;
  const messages = [{ role: 'user', content: 'hello', id: 'm' }];
  await call('system.health', '/v1/health');
  await call('system.version', '/v1/version');
  await call('system.openapi', '/v1/openapi.json');
  await call('feeds.put', `${of}/feeds/a`, { url: 'https://example.org/', tags: ['t'], metadata: { a: [1] } });
  await call('feeds.get', `${of}/feeds/a`);
  await call('feeds.list', `${of}/feeds`);
  await call('feeds.patch', `${of}/feeds/a`, { patch: { category: 'c' } });
  await call('feeds.rename', `${of}/feeds/a/rename`, { to: 'b' });
  await call('feeds.delete', `${of}/feeds/b`);
  await call('sessions.create', `${of}/sessions`, { id: 'long-id', metadata: { a: 1 } });
  await call('sessions.append', `${session}/messages`, { messages, delivery: 'pending' });
  await call('sessions.setDelivery', `${session}/messages/m/delivery`, { delivery: 'failed', reason: 'offline' });
  await call('drafts.put', `${session}/draft`, { text: 'so far', metadata: { a: 1 } });
  await call('drafts.get', `${session}/draft`);
  await call('sessions.messages', `${session}/messages`);
  await call('sessions.stream', `${session}/messages`, undefined, { accept: 'application/x-ndjson' });
  await call('sessions.export', `${session}/export`);
  await call('drafts.delete', `${session}/draft`);
  await call('search.messages', `${of}/search?q=hello&fresh=true`);
  await call('search.everywhere', '/v1/search?q=hello&fresh=true');
  await call('sessions.resumable', `${of}/sessions:resumable`);
  await call('sessions.resolve', `${of}/sessions:resolve?prefix=long`);
  const { token } = (await call('leases.acquire', `${session}/lease`, { owner: 'me' })) as { token: string };
  await call('sessions.get', session);
  await call('sessions.list', `${of}/sessions`);
  await call('leases.release', `${session}/lease?token=${encodeURIComponent(token)}`);
  await call('sessions.fork', `${session}/fork`, { to: 'fork', upTo: 1 });
  await call('sessions.update', session, { patch: { title: 'changed' } });
  await call('sessions.replace', session, { messages: [], allowShrink: true });
  await call('sessions.delete', session);
  await call('sessions.restore', `${session}/restore`, {});
  await call('sessions.abandon', `${of}/sessions:abandon`, { idleMs: 0 });
  await call('system.shutdown', '/v1/shutdown', {});
}
