import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { inputReader } from '../../daemon/http/input.ts';
import { parseQuery } from '../../daemon/http/query.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { operation } from '../../shared/operation.ts';

const base = { kind: 'read', access: 'read', summary: 'made up', output: z.object({}) } as const;
const list = operation({
  ...base,
  method: 'GET',
  path: '/v1/apps/{app}/things',
  input: z.strictObject({
    app: z.string(),
    limit: z.int().min(1).max(1000).default(100),
    ratio: z.number().optional(),
    fresh: z.boolean().optional(),
    tags: z.array(z.string()).max(2).optional(),
    text: z.string().optional(),
    after: z.string().optional(),
  }),
});
const put = operation({
  ...base,
  kind: 'write',
  access: 'write',
  method: 'PUT',
  path: '/v1/apps/{app}/things/{name}',
  input: z.strictObject({
    app: z.string(),
    name: z.string(),
    count: z.int().optional(),
    tags: z.array(z.string()).optional(),
    expectedRevision: z.string().optional(),
    ifAbsent: z.boolean().optional(),
  }),
});

interface Parts {
  params?: object;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  body?: unknown;
}
const request = (parts: Parts) => ({ params: {}, query: {}, headers: {}, ...parts }) as unknown as FastifyRequest;
const params = { app: 'a' };
const readList = (query: Record<string, string | string[]>, headers = {}) =>
  inputReader(list)(request({ params, query, headers }));
const readPut = (parts: Parts) => inputReader(put)(request({ params: { app: 'a', name: 'n' }, ...parts }));

function refusal(read: () => unknown): HoldfastError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
}

describe('text of a query', () => {
  it.each([
    [{ limit: '5' }, { limit: 5 }],
    [{ limit: '007' }, { limit: 7 }],
    [{ ratio: '-1.5' }, { ratio: -1.5 }],
    [{ ratio: '0' }, { ratio: 0 }],
    [{ fresh: 'true' }, { fresh: true }],
    [{ fresh: 'false' }, { fresh: false }],
    [{ tags: 'one' }, { tags: ['one'] }],
    [{ tags: ['one', '2'] }, { tags: ['one', '2'] }],
    // Only the type decides: text that looks like something else stays text.
    [{ text: '5' }, { text: '5' }],
    [{ text: 'true' }, { text: 'true' }],
    [{ text: '' }, { text: '' }],
    [{}, {}],
  ])('%j reads as %j', (query, fields) => {
    expect(readList(query)).toEqual({ app: 'a', limit: 100, ...fields });
  });

  it.each([
    [{ limit: '' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: '0x10' }, 'limit'],
    [{ limit: ' 5' }, 'limit'],
    [{ limit: '5.5' }, 'limit'],
    [{ limit: '٥' }, 'limit'],
    [{ limit: '0' }, 'limit'],
    [{ limit: ['5', '5'] }, 'limit'],
    [{ limit: 'Infinity' }, 'limit'],
    // Beyond what a JSON number holds exactly, a neighbour would be taken without a word.
    [{ limit: '9007199254740993' }, 'limit'],
    [{ ratio: '1'.repeat(400) }, 'ratio'],
    [{ fresh: '1' }, 'fresh'],
    [{ fresh: 'TRUE' }, 'fresh'],
    [{ fresh: '' }, 'fresh'],
    [{ fresh: ['true', 'true'] }, 'fresh'],
    [{ tags: ['1', '2', '3'] }, 'tags'],
    [{ text: ['a', 'b'] }, 'text'],
    [{ unknown: '1' }, 'unknown'],
    [{ __proto: 'x' }, '__proto'],
  ])('%j is refused by the name %s', (query, path) => {
    const refused = refusal(() => readList(query));
    expect(refused?.code).toBe('invalid_input');
    expect(new Set(refused?.details.errors?.map((error) => error.path))).toEqual(new Set([path]));
  });
});

describe('a query', () => {
  it('has a text of a name that is given once, and all of one that is repeated, in order', () => {
    const query = 'a=1&b=x+y&a=2&&c&a=%263=&__proto__=p';
    expect(Object.entries(parseQuery(query))).toEqual([
      ['a', ['1', '2', '&3=']],
      ['b', 'x y'],
      ['c', ''],
      ['__proto__', 'p'],
    ]);
  });

  // Copied at each repetition, these would take minutes.
  it('may repeat a name very often', () => {
    expect(parseQuery('a&'.repeat(200_000))['a']).toHaveLength(200_000);
  });
});

describe('sources', () => {
  it('are the path, the body and the headers', () => {
    const headers = { 'if-match': '"e.1"', 'if-none-match': '*', 'last-modified': 'x' };
    expect(readPut({ body: { count: 1, tags: ['x'] }, headers })).toEqual({
      app: 'a',
      name: 'n',
      count: 1,
      tags: ['x'],
      expectedRevision: 'e.1',
      ifAbsent: true,
    });
  });

  it('may lack a body where no field of it is required', () => {
    expect(readPut({ body: undefined })).toEqual({ app: 'a', name: 'n' });
  });

  it.each([[null], [[]], ['text'], [5], [true]])('refuse the body %j, which names no fields', (body) => {
    expect(refusal(() => readPut({ body }))?.message).toContain('must be a JSON object');
  });

  it('do not turn JSON into other types', () => {
    expect(refusal(() => readPut({ body: { count: '1' } }))?.details.errors?.[0]?.path).toBe('count');
    expect(refusal(() => readPut({ body: { ifAbsent: 'true' } }))?.details.errors?.[0]?.path).toBe('ifAbsent');
    expect(refusal(() => readPut({ body: { tags: 'x' } }))?.details.errors?.[0]?.path).toBe('tags');
  });

  it('may say one thing twice', () => {
    expect(readPut({ body: { app: 'a', name: 'n' } })).toEqual({ app: 'a', name: 'n' });
    expect(readPut({ body: { ifAbsent: true }, headers: { 'if-none-match': '*' } })).toMatchObject({ ifAbsent: true });
    expect(readPut({ body: { expectedRevision: 'e.1' }, headers: { 'if-match': 'e.1' } })).toMatchObject({
      expectedRevision: 'e.1',
    });
  });

  it.each<[string, Parts, string]>([
    ['path and body', { body: { name: 'other' } }, 'name'],
    ['body and header', { body: { expectedRevision: 'e.2' }, headers: { 'if-match': '"e.1"' } }, 'expectedRevision'],
    ['body and header', { body: { ifAbsent: false }, headers: { 'if-none-match': '*' } }, 'ifAbsent'],
  ])('must not differ: %s', (_name, parts, path) => {
    const refused = refusal(() => readPut(parts));
    expect(refused).toMatchObject({ code: 'invalid_input', details: { errors: [{ path }] } });
    expect(refused?.message).toContain('twice with different values');
  });

  it('that the operation does not take are refused, where ignoring them could lose a guard', () => {
    expect(refusal(() => readPut({ query: { count: '1' } }))?.message).toContain('belongs in the JSON body');
    expect(refusal(() => readPut({ headers: { 'if-none-match': '"e.1"' } }))?.message).toContain('if-none-match');
    expect(refusal(() => readPut({ headers: { 'last-event-id': '1' } }))?.message).toContain('last-event-id');
    // A read has nothing to guard: caches send If-None-Match on their own.
    expect(readList({}, { 'if-none-match': '"e.1"' })).toEqual({ app: 'a', limit: 100 });
  });

  it('include Last-Event-ID where the operation has the field', () => {
    expect(readList({}, { 'last-event-id': 'e.7' })).toMatchObject({ after: 'e.7' });
    expect(refusal(() => readList({ after: 'e.8' }, { 'last-event-id': 'e.7' }))?.code).toBe('invalid_input');
  });

  it.each(['{"__proto__":{"app":"b"}}', '{"__proto__":null}', '{"constructor":1}'])(
    'refuse the field of %s',
    (json) => {
      expect(refusal(() => readPut({ body: JSON.parse(json) as unknown }))?.code).toBe('invalid_input');
    },
  );
});
