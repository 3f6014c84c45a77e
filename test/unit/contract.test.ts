import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { contract } from '../../shared/contract.ts';
import { pathFields, type Operation } from '../../shared/operation.ts';

const operations = Object.entries(contract).flatMap(([kind, verbs]) =>
  Object.entries(verbs as Record<string, Operation>).map(
    ([verb, operation]) => [`${kind}.${verb}`, operation] as const,
  ),
);

/** Whether a schema fills in anything that the caller left out. */
const hasDefault = (input: z.ZodType) =>
  JSON.stringify(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })).includes('"default":');

describe.each(operations)('%s', (_, operation) => {
  it('has every field of its path in its input', () => {
    expect(Object.keys(operation.input.shape)).toEqual(expect.arrayContaining(pathFields(operation.path)));
  });

  it('fills nothing in when it writes, so that a retry stays the same request over an upgrade', () => {
    expect(operation.kind === 'write' && hasDefault(operation.input)).toBe(false);
  });
});

it('red control: a default is found', () => {
  expect(hasDefault(z.strictObject({ a: z.string().default('x') }))).toBe(true);
});

const routeOf = ({ method, path }: Pick<Operation, 'method' | 'path'>) =>
  `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`;

/** Routes of more than one operation, unless the Accept header can choose: between one document and one stream. */
function contested(all: Pick<Operation, 'method' | 'path' | 'stream'>[]): string[] {
  return [...Map.groupBy(all, routeOf)].flatMap(([route, sharing]) => {
    const streams = sharing.filter(({ stream }) => stream === 'out').length;
    return sharing.length === 1 || (sharing.length === 2 && streams === 1) ? [] : [route];
  });
}

it('has no two operations on one route, unless one of them is a stream', () => {
  expect(contested(operations.map(([, operation]) => operation))).toEqual([]);
});

it('red control: two documents, two streams, and three of any kind on one route are found', () => {
  const [plain, stream] = [
    { method: 'GET', path: '/v1/{a}' } as const,
    { method: 'GET', path: '/v1/{b}', stream: 'out' } as const,
  ];
  for (const sharing of [
    [plain, plain],
    [stream, stream],
    [plain, plain, stream],
    [plain, { ...plain, stream: 'in' as const }],
  ]) {
    expect(contested(sharing)).toEqual(['GET /v1/{}']);
  }
});
