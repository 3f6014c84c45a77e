import type * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { app, count, label, listInput, name, timestampInput } from '../../shared/fields.ts';

const messages = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map(({ message }) => message);
const length = 'must have 1 to 200 characters';
const control = 'must not hold control characters';
const surrogate = 'must be well-formed Unicode (it holds a lone surrogate)';
const dots = "must not be '.' or '..'";

describe('name', () => {
  it.each([
    ['a', 'a'],
    ['...', '...'],
    ['a/b?c#d%2e', 'a/b?c#d%2e'],
    [' with spaces ', ' with spaces '],
    ['__proto__', '__proto__'],
    ['x'.repeat(200), 'x'.repeat(200)],
    // Characters, not code units: 200 emoji are 400 of those.
    ['😀'.repeat(200), '😀'.repeat(200)],
    // Counted and compared as NFC, whatever the form that arrives.
    ['cafe\u0301', 'caf\u00e9'],
    ['e\u0301'.repeat(200), '\u00e9'.repeat(200)],
    // Compatibility forms and case stay apart.
    ['ﬁ', 'ﬁ'],
    ['Ä', 'Ä'],
  ])('takes %j', (given, kept) => expect(name().parse(given)).toBe(kept));

  it.each([
    ['', length],
    ['x'.repeat(201), length],
    ['😀'.repeat(201), length],
    // One character that NFC takes apart into two.
    ['\u0958'.repeat(101), length],
    ['a\u0000b', control],
    ['line\nbreak', control],
    ['\u007f', control],
    ['\u0085', control],
    ['\ud800', surrogate],
    ['a\udc00b', surrogate],
    ['.', dots],
    ['..', dots],
  ])('refuses %j by its rule', (given, rule) => expect(messages(name(), given)).toEqual([rule]));

  it.each([[1], [null], [undefined], [['a']]])('refuses %j, which is no text', (given) => {
    expect(name().safeParse(given).success).toBe(false);
  });
});

describe('app', () => {
  it.each(['a', '0', 'my-cli', 'a.b_c-d', 'x'.repeat(64)])('takes %s', (given) =>
    expect(app().parse(given)).toBe(given),
  );

  it.each(['', 'A', '.a', '-a', '_a', 'a/b', 'a b', 'ä', 'a\n', '..', 'x'.repeat(65)])('refuses %j', (given) => {
    expect(messages(app(), given)).toEqual([expect.stringContaining("as in 'my-cli'")]);
  });
});

describe('label', () => {
  it.each(['', 'x'.repeat(1000), '\u0001\n\t', 'cafe\u0301'])('keeps %j exactly', (given) => {
    expect(label().parse(given)).toBe(given);
  });

  it.each([
    ['x'.repeat(1001), 'must not exceed 1000 characters'],
    ['a\u0000', 'must be well-formed Unicode without NUL'],
    ['\udfff', 'must be well-formed Unicode without NUL'],
  ])('refuses what it could not keep', (given, rule) => expect(messages(label(), given)).toEqual([rule]));
});

describe('other fields', () => {
  it.each(['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.123456Z'])('takes the time %s', (given) => {
    expect(timestampInput().parse(given)).toBe(given);
  });
  it.each(['2026-01-31', '2026-02-30T00:00:00Z', '2026-01-31T12:00:00+01:00', '1769860800000', ''])(
    'refuses the time %s and shows one',
    (given) =>
      expect(messages(timestampInput(), given)).toEqual([expect.stringContaining("'2026-01-31T12:00:00.000Z'")]),
  );

  it.each([-1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '1', true])('counts with no %j', (given) => {
    expect(count().safeParse(given).success).toBe(false);
  });
  it('counts as far as JSON numbers are exact', () => {
    expect(count().parse(Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('limits lists to 1..1000, 100 unless told', () => {
    expect(listInput.limit.parse(undefined)).toBe(100);
    const taken = [0, 1, 1000, 1001, 1.5].map((limit) => listInput.limit.safeParse(limit).success);
    expect(taken).toEqual([false, true, true, false, false]);
  });
});
