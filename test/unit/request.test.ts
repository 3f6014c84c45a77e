import { describe, expect, it } from 'vitest';
import { toRequest } from '../../client/request.ts';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';

// What is refused before anything is sent.

const made = (metadata: unknown, costNanoUsd: unknown = null) =>
  toRequest(contract.costs.record, { app: 'test', usageId: 'u', costNanoUsd, metadata }, undefined);
const told = (call: () => unknown) => {
  try {
    return call();
  } catch (error) {
    return error instanceof HoldfastError ? `${error.code}: ${error.message}` : error;
  }
};
const cycle: object[] = [];
cycle.push(cycle);

describe('a request', () => {
  it.each([
    [{}, Number.NaN, 'costNanoUsd must not be NaN'],
    [{ deep: [{ x: Infinity }] }, 0, 'x must not be Infinity'],
    [{ x: -Infinity }, null, 'x must not be -Infinity'],
    [{ x: 1n }, 0, 'The input is not JSON: '],
    [cycle, 0, 'The input is not JSON: '],
  ])('with %o and a cost of %o is refused: JSON has no such value', (metadata, cost, says) => {
    expect(told(() => made(metadata, cost))).toContain(`invalid_input: ${says}`);
  });

  it('holds null where null was meant, and what JSON.stringify makes of the rest', () => {
    const metadata = JSON.parse('{"__proto__":{"a":null},"b":[null,"NaN"],"c":-1.5e-7}') as object;
    expect(made(metadata).body).toBe(JSON.stringify({ usageId: 'u', costNanoUsd: null, metadata }));
  });

  it('of a Node that is too old is refused with what to do', () => {
    const held = Object.getOwnPropertyDescriptor(Promise, 'withResolvers') ?? {};
    expect(told(() => made({}))).toHaveProperty('method', 'POST');
    try {
      // What Node 20 lacks.
      Reflect.deleteProperty(Promise, 'withResolvers');
      expect(told(() => made({}))).toMatch(/^node_too_old: holdfast needs Node 22 or newer, .*'nvm install --lts'/);
    } finally {
      Object.defineProperty(Promise, 'withResolvers', held);
    }
  });
});
