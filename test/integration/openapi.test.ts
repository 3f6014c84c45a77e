import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract } from '../../shared/contract.ts';
import { pathFields, type Operation } from '../../shared/operation.ts';
import { curl, send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { linesOf, readAll } from '../helpers/streams.ts';
import { askEverything } from './openapi-calls.ts';

interface Described {
  operationId: string;
  description?: string;
  parameters?: { name: string; in: string; required: boolean; schema?: object }[];
  requestBody?: { content: { 'application/json': { schema: { properties: object; additionalProperties: boolean } } } };
  responses: Record<string, { headers: object; content: Record<string, { schema: object }> }>;
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

  const entryOf = (operation: Operation | undefined) =>
    document.paths[operation?.path ?? '']?.[operation?.method.toLowerCase() ?? ''];

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
    const entry = entryOf(operation);
    const parameters = entry?.parameters ?? [];
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => name).toSorted()).toEqual(pathFields(operation.path).toSorted());
    expect(inPath.every(({ required, schema }) => required && schema !== undefined)).toBe(true);
    const body = entry?.requestBody?.content['application/json'].schema;
    const inQuery = parameters.filter((parameter) => parameter.in === 'query');
    const names = [...inPath, ...inQuery].map(({ name }) => name);
    expect([...names, ...Object.keys(body?.properties ?? {})].toSorted()).toEqual(
      Object.keys((hostOf(operation)?.[1] ?? operation).input.shape).toSorted(),
    );
    expect(names).toEqual(expect.arrayContaining(pathFields(operation.path)));
    expect(body?.additionalProperties ?? false).toBe(false);
    const types = Object.values(operation.produces ?? { json: 'application/json' });
    for (const status of operation.statuses ?? [200]) {
      const { content = {} } = entry?.responses[String(status)] ?? {};
      for (const type of types) expect(content[type]?.schema).toBeTypeOf('object');
    }
    expect(entry?.responses['400']).toBeDefined();
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

  it('says what the daemon answers: each output has its schema, and no field more, and its headers', async () => {
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
      const promised = Object.keys(entryOf(operation)?.responses[String(reply.status)]?.headers ?? {});
      expect([name, ...Object.keys(reply.headers)]).toEqual(expect.arrayContaining(promised));
      for (const output of outputsOf(reply, operation)) expect(operation?.output.parse(output)).toEqual(output);
      return operation?.produces ? undefined : (JSON.parse(reply.text) as unknown);
    };
    await askEverything(call);
    // An operation that is added belongs into the calls below.
    expect([...new Set(asked)].toSorted()).toEqual([...byName.keys()].toSorted());
  });
});

/** The document of a reply, every line of lines, or a text that is neither. */
function outputsOf({ text }: { text: string }, operation: Operation | undefined): unknown[] {
  const types = Object.values(operation?.produces ?? { json: 'application/json' });
  if (types[0] === 'text/event-stream') {
    return Array.from(text.matchAll(/^event: change\ndata: (.*)$/gm), ([, data = '']) => JSON.parse(data) as unknown);
  }
  if (types[0]?.startsWith('text/')) return [text];
  return types[0] === 'application/x-ndjson' ? linesOf(text) : [JSON.parse(text)];
}
