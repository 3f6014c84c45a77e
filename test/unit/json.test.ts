import { describe, expect, it } from 'vitest';
import { jsonDocument, jsonObject } from '../../shared/fields.ts';
import { flawOf, maxDepth, maxDocument, mergePatch, type Json } from '../../shared/json.ts';

/** Arrays or objects inside one another, made without recursion. */
function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}
const inArray = (inner: unknown) => [inner];
const inObject = (inner: unknown) => ({ a: inner });
/** JSON.stringify has a second, recursive way for objects with such keys: it exhausts the stack. */
const inNumbered = (inner: unknown) => ({ a: inner, 1: 2 });

describe('flawOf', () => {
  it.each([
    [null],
    ['[[['],
    [{}],
    [[1, [2], { a: [{ b: 1 }] }]],
    [Number.MAX_VALUE],
    [JSON.parse('{"__proto__":{"a":[]}}')],
    [nested(maxDepth, inArray)],
    [nested(maxDepth, inObject)],
  ])('finds none in %j', (value) => expect(flawOf(value)).toBeUndefined());

  it.each([
    ['arrays', inArray],
    ['objects', inObject],
  ])('finds one level or a million of %s too deep without exhausting the stack', (_name, wrap) => {
    for (const depth of [maxDepth + 1, 1_000_000]) expect(flawOf(nested(depth, wrap))).toMatch(/200 levels/);
  });

  it.each(['1e400', '-1e400', '[1,{"a":1e309}]'])('finds that no double holds %s', (text) => {
    expect(flawOf(JSON.parse(text))).toMatch(/IEEE double/);
  });
});

describe('jsonObject and jsonDocument', () => {
  it.each([
    ['jsonObject', jsonObject()],
    ['jsonDocument', jsonDocument()],
  ])('%s passes the very value through and refuses what is no object', (_name, schema) => {
    const value = JSON.parse('{"__proto__":{"x":1},"constructor":2,"a":"\\ud800"}') as unknown;
    expect(schema.parse(value)).toBe(value);
    for (const other of [null, [], 'x', 1, undefined]) {
      expect(schema.safeParse(other).error?.issues.map(({ message }) => message)).toEqual(['must be a JSON object']);
    }
  });

  it.each([
    ['jsonObject', jsonObject()],
    ['jsonDocument', jsonDocument()],
  ])('%s takes the deepest that is allowed and refuses one more by name', (_name, schema) => {
    expect(schema.safeParse(nested(maxDepth, inObject)).success).toBe(true);
    const { error } = schema.safeParse(nested(maxDepth + 1, inObject));
    expect(error?.issues.map(({ message }) => message)).toEqual([`must not nest deeper than ${maxDepth} levels`]);
  });

  it.each([
    ['jsonObject', jsonObject(), inObject],
    ['jsonDocument', jsonDocument(), inObject],
    ['jsonDocument', jsonDocument(), inNumbered],
  ])('%s refuses a million levels, and does not fail on them', (_name, schema, wrap) => {
    const { error } = schema.safeParse(nested(1_000_000, wrap));
    expect(error?.issues[0]?.message).toBe(`must not nest deeper than ${maxDepth} levels`);
  });

  it('counts the characters of a document, with its quotes', () => {
    const around = JSON.stringify({ a: '' }).length;
    expect(jsonDocument().safeParse({ a: 'x'.repeat(maxDocument - around) }).success).toBe(true);
    expect(jsonDocument().safeParse({ a: 'x'.repeat(maxDocument - around + 1) }).error?.issues[0]?.message).toContain(
      `must not exceed ${maxDocument}`,
    );
  });
});

describe('mergePatch', () => {
  // RFC 7396, appendix A, all of it.
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    // Beyond it: a key that JavaScript treats apart is data like any other.
    ['{}', '{"__proto__":{"admin":true}}', '{"__proto__":{"admin":true}}'],
    ['{"__proto__":{"a":1,"b":2}}', '{"__proto__":{"a":null}}', '{"__proto__":{"b":2}}'],
    ['{"__proto__":1,"x":2}', '{"__proto__":null}', '{"x":2}'],
    ['{"a":1}', '{"constructor":{"prototype":1}}', '{"a":1,"constructor":{"prototype":1}}'],
    ['{"a":1}', '{"toString":null}', '{"a":1}'],
    ['{"a":"\\ud800"}', '{"b":"\\u0000"}', '{"a":"\\ud800","b":"\\u0000"}'],
  ])('%s + %s = %s', (target, patch, merged) => {
    expect(JSON.stringify(mergePatch(JSON.parse(target) as Json, JSON.parse(patch) as Json))).toBe(merged);
  });

  it('leaves the target, the patch and every prototype as they were', () => {
    const target = JSON.parse('{"a":{"b":1}}') as Json;
    const patch = JSON.parse('{"a":{"__proto__":{"polluted":1},"c":2}}') as Json;
    mergePatch(target, patch);
    expect(JSON.stringify([target, patch])).toBe('[{"a":{"b":1}},{"a":{"__proto__":{"polluted":1},"c":2}}]');
    expect('polluted' in {}).toBe(false);
  });

  it('makes an object of an absent target', () => expect(mergePatch(undefined, { a: null, b: 1 })).toEqual({ b: 1 }));
});
