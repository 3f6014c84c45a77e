import { describe, expect, it } from 'vitest';
import { updated, valueOf, yamlOf } from '../../client/cli/config/yaml.ts';
import type { Json } from '../../shared/json.ts';
import { hostile } from '../helpers/hostile.ts';

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
/** Ten of the one before each, eight times. */
const laughs = [
  'a0: &a0 ha',
  ...Array.from({ length: 8 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(10)}]`),
].join('\n');
const refusal = (text: string) => {
  try {
    return `it was read: ${JSON.stringify(valueOf(text))}`;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('YAML', () => {
  it.each(hostile)('keeps %s', (_, value) => {
    for (const document of [value, [value], { value }, { '': { [JSON.stringify(value)]: value } }] as Json[]) {
      expect(JSON.stringify(valueOf(yamlOf(document)))).toBe(JSON.stringify(document));
      // JSON is YAML.
      expect(JSON.stringify(valueOf(JSON.stringify(document, null, 2)))).toBe(JSON.stringify(document));
    }
  });

  it('keeps texts that look like something else, and keys as they are written', () => {
    const texts = [
      'yes',
      'no',
      'on',
      'null',
      '~',
      '1e3',
      '0x10',
      '1_000',
      '012',
      '2025-01-31',
      '<<',
      '- a',
      '# x',
      '*a',
    ];
    const value = { texts, ...Object.fromEntries(texts.map((text) => [text, text])) };
    expect(valueOf(yamlOf(value))).toEqual(value);
    expect(valueOf('on: yes\n2025: 2025-01-31\nnull: ~\ntrue: 1e3\n<<: {a: 1}\n')).toEqual({
      on: 'yes',
      '2025': '2025-01-31',
      null: null,
      true: 1000,
      '<<': { a: 1 },
    });
  });

  it('has __proto__ as a key like others', () => {
    const value = valueOf('__proto__: {polluted: 1}\nx: {__proto__: 2, constructor: {prototype: 3}}');
    expect(JSON.stringify(value)).toBe(
      '{"__proto__":{"polluted":1},"x":{"__proto__":2,"constructor":{"prototype":3}}}',
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(updated('a: 1\n', value)).toContain('polluted');
  });

  it('reads as many keys as a document may have', () => {
    const value = Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`key ${n}`, n]));
    expect(valueOf(yamlOf(value))).toEqual(value);
  });

  it.each([
    ['nothing', '', /^it holds nothing/],
    ['only comments', '# a\n', /^it holds nothing/],
    ['what is cut off', 'a: 1\nb: [1,', /^line 2, column \d+: /],
    ['wrong indentation', 'a: 1\n   b: 2\n', /^line \d, column \d+: /],
    ['a tab', 'a:\n\tb: 1\n', /^line 2, column \d+: /],
    ['a key twice', 'a: 1\nb: 2\na: 3\n', /^line 3: this key is there before/],
    ['a second document', 'a: 1\n---\nb: 1\n', /^line 2, column 1: a second document/],
    ['a tag of its own', 'a: !ruby/object 1\n', /^line 1, column 4: Unresolved tag/],
    ['a tag that makes bytes', 'a: !!binary aGk=\n', /^line 1, column 4: Unresolved tag/],
    ['a key that is no text', '? [a]\n: 1\n', /^line 1, column \d+: /],
    ['YAML 1.1', '%YAML 1.1\n---\na: yes\n', /only YAML 1\.2/],
    ['an alias of nothing', 'a: *b\n', /^it has an alias too many: Unresolved alias/],
    ['a bomb of aliases', laughs, /^it has an alias too many: Excessive alias count/],
    ['an alias of itself', 'a: &a\n  - *a\n', /./],
    ['what nests too deep', deep(300), /^it must not nest deeper than 200 levels$/],
    ['what nests deeper than a stack', deep(20_000), /nests? too deep|^line/],
    ['infinity', 'a: .inf\n', /^it must not hold a number beyond/],
    ['not a number', 'a: .nan\n', /^it must not hold a number beyond/],
    ['a number of too many digits', 'a: 1\nb: 12345678901234567890\n', /^line 2: 12345678901234567890 is more/],
  ])('refuses %s', (_, text, message) => {
    expect(refusal(text)).toMatch(message);
    expect(refusal(text)).not.toMatch(/^it was read/);
  });
});

describe('a text that is brought up to date', () => {
  const text = `# Settings of mine

theme: dark # easy on the eyes

# What is installed
plugins:
  # from the team
  news: {enabled: true}
  old: 1
list:
  - a # first
`;

  it('keeps every comment but those of what changed or went', () => {
    const value = { theme: 'light', plugins: { news: { enabled: false }, more: { a: [1] } }, list: ['a'] };
    const changed = updated(text, value);
    expect(valueOf(changed)).toEqual(value);
    expect(changed).toBe(`# Settings of mine

theme: light # easy on the eyes

# What is installed
plugins:
  # from the team
  news: { enabled: false }
  more:
    a:
      - 1
list:
  - a # first
`);
  });

  it('is the value all the same where an alias stands for the place', () => {
    const value = { a: { x: 1 }, b: { x: 2 } };
    expect(valueOf(updated('a: &a {x: 1}\nb: *a\n', value))).toEqual(value);
    expect(valueOf(updated('a: 1\n', [1]))).toEqual([1]);
  });
});
