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

it('has no two operations on one route', () => {
  const routes = operations.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
  expect(new Set(routes).size).toBe(routes.length);
});
