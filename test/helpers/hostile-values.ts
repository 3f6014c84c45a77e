import * as fc from 'fast-check';
import { hostile } from './hostile.ts';

// Values of a JSON Schema, as z.toJSONSchema makes it of an input, and values that are nearly one.

export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  format?: string;
  propertyNames?: unknown;
}

/** So few that calls meet each other's records; some are parts of paths, or look like it. */
const names = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('a', 'b', 'long-name') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('pending', 'versions', 'x/y', '..a', 'a:b', '%2F', 'é', '\u{1f600}', '__proto__'),
  },
);
const message = fc.record(
  {
    id: fc.constantFrom('m', 'n', 'o'),
    role: fc.constantFrom('user', 'assistant'),
    content: fc.oneof(fc.lorem(), fc.constantFrom(...hostile.map(([, value]) => value))),
  },
  { requiredKeys: [] },
);

/** What a schema does not say of a field, by its name. */
const byName: Record<string, fc.Arbitrary<unknown>> = {
  app: fc.constantFrom('fuzz', 'other'),
  url: fc.constantFrom('https://example.org/', 'http://localhost:1/feed?a=b#c', 'https://[::1]/é'),
  messages: fc.array(message, { minLength: 1, maxLength: 4 }),
  prefix: fc.constantFrom('long', 'long-name', 'none-such'),
  // A lease that lasts keeps the others out.
  ttlMs: fc.constant(1000),
  // What waits longer would only wait.
  waitMs: fc.integer({ min: 0, max: 5 }),
  after: fc.constantFrom('0', '1', 1, 7),
};
for (const field of ['id', 'name', 'profile', 'state', 'messageId', 'to', 'session']) byName[field] = names;

/** A value that the schema takes, as far as it says so. */
export function valueOf(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  const known = Object.hasOwn(byName, name) ? byName[name] : undefined;
  if (known) return byFormat[schema.format ?? ''] ?? known;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return fc.oneof(...either.map((one) => valueOf(one)));
  switch (schema.type) {
    case 'string':
      return byFormat[schema.format ?? ''] ?? text(schema);
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 5000, 1_000_000) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valueOf(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'object':
      return schema.properties ? objectOf(schema) : document;
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

/** Hardly ever what the record is at: a call that names one is refused, so that most do not. */
const guards = new Set([
  'expectedRevision',
  'expectedHead',
  'expectedGeneration',
  'lease',
  'cursor',
  'rejected',
  'ifAbsent',
]);

export function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries(properties).map(([name, one]) => [name, valueOf(one, name)] as const);
  const plain = fields.filter(([name]) => required.includes(name) || !guards.has(name));
  // Without waitMs the daemon waits for as long as it likes.
  const requiredKeys = [...required, ...Object.keys(properties).filter((name) => name === 'waitMs')];
  const record = (some: typeof fields) => fc.record(Object.fromEntries(some), { requiredKeys });
  return fc.oneof({ weight: 4, arbitrary: record(plain) }, { weight: 1, arbitrary: record(fields) });
}

const byFormat: Record<string, fc.Arbitrary<string>> = {
  'date-time': fc
    .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
    .map((date) => date.toISOString()),
  password: fc.constantFrom('secret-one', 'secret-two', 'p\u00e4ssphrase', '{"a":"b"}', 'x'.repeat(255)),
};
const text = ({ minLength = 1, maxLength = 200 }: Schema) =>
  fc.string({ minLength, maxLength: Math.min(maxLength, 30), unit: 'grapheme' });
const document = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
  fc.constantFrom(...hostile.map(([, value]) => ({ value }))),
);

const deep = (levels: number) => `${'{"a":['.repeat(levels / 2)}1${']}'.repeat(levels / 2)}`;
/** Texts that stand where JSON has a value; most of them are wrong for any field, and some are no JSON. */
export const nearlyJson = fc.oneof(
  fc.constantFrom('null', 'true', '""', '[]', '{}', '[[]]', '{"a":1}', '["a","a"]', '7', '"7"'),
  fc.constantFrom('-0', '-1', '1.5', '1e308', '1e400', '-1e400', '9007199254740993', '1E-400', '0.1e1'),
  fc.constantFrom('NaN', 'Infinity', '01', '+1', '0x1', 'undefined', "'a'", '"a', '"\\x"', '"\n"', '{,}', '[1,]', ''),
  fc.constantFrom('"NaN"', '"."', '".."', '"__proto__"', '{"__proto__":{"a":1}}', '{"constructor":{"prototype":{}}}'),
  fc.constantFrom(
    ...['\\u0000', '\\ud800', 'x\\udc00', '\\u0001\\u007f\\u0085', '\\u202e', '\\ufeff'].map((one) => `"${one}"`),
  ),
  fc.constantFrom(deep(198), deep(202), deep(20_000), `"${'x'.repeat(5000)}"`, `[${'1,'.repeat(2000)}1]`),
  fc.constantFrom(...hostile.map(([, value]) => JSON.stringify(value))),
  fc.json({ maxDepth: 3 }),
);
/** Texts that stand where a URL has a value. */
export const nearlyPath = fc.oneof(
  fc.constantFrom(
    '%2F',
    'a%2Fb',
    '%00',
    '%',
    '%z',
    '%ED%A0%80',
    '%C0%AF',
    '.',
    '..',
    '%2e%2e',
    '',
    '+',
    '%0d%0a',
    ':',
    '*',
    '%252F',
  ),
  fc.constantFrom(
    'x'.repeat(201),
    'x'.repeat(5000),
    '%F0%9F%98%80'.repeat(200),
    'NaN',
    '-0',
    '-1',
    '1e3',
    '99999999999999999999',
    '%ff',
  ),
  fc.string({ unit: 'binary' }).map((one) => encodeURIComponent(one.toWellFormed())),
);
