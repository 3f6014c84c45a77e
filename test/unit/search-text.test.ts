import { describe, expect, it } from 'vitest';
import { forIndex, phrasesOf, textOf, wordsOf } from '../../daemon/store/resources/search/text.ts';

const words = (text: string) => [...wordsOf(text)].map(({ word }) => word);
const found = (text: string) => textOf({ content: text });

describe('the text of a message', () => {
  it('is every string in it, at any depth, in order', () => {
    const message = {
      content: [
        { type: 'text', text: 'first' },
        { type: 'tool_use', id: 'toolu_1', name: 'edit', input: { path: 'a.ts', edits: [{ old: 'x', new: 'y' }] } },
        { type: 'tool_result', content: [{ type: 'text', text: 'last' }] },
      ],
      note: 'beside',
    };
    expect(textOf(message).split('\n')).toEqual(['first', 'edit', 'a.ts', 'x', 'y', 'last', 'beside']);
  });

  it('is of 200 levels too', () => {
    const deep = Array.from({ length: 199 }).reduce<object>((inner) => ({ inner }), { text: 'bottom' });
    expect(textOf(deep as never)).toBe('bottom');
  });

  it.each([[{}], [{ n: 1, b: true, nothing: null, empty: '', list: [], object: {} }], [{ role: 'user', id: 'x' }]])(
    'is empty where there is none: %j',
    (message) => expect(textOf(message)).toBe(''),
  );

  it('is also under the names that objects have by themselves', () => {
    expect(textOf(JSON.parse('{"__proto__":"a","constructor":{"toString":"b"}}'))).toBe('a\nb');
  });

  it('lacks encoded data, and keeps what is around it', () => {
    const image = Buffer.from(Array.from({ length: 3000 }, (_, n) => (n * 7919) % 256)).toString('base64');
    expect(found(`before data:image/png;base64,${image} after`)).toMatch(/^before .*after$/);
    expect(found(`before ${image} after`)).not.toContain(image.slice(1000, 1020));
    expect(found(Buffer.from(image).toString('base64url')).trim()).toBe('');
    expect(found(Buffer.from(image).toString('hex')).trim()).toBe('');
  });

  it.each([
    ['Chinese', '我们在这里讨论搜索引擎的实现。'],
    ['Japanese', 'ここで検索エンジンの実装について話します。'],
    ['Thai', 'เราพูดถึงการค้นหาข้อความที่นี่'],
    ['JSON without spaces', '{"name":"value","list":[1,2,3],"done":true},'],
    ['a path', 'src/components/some-folder/file.ts:12,'],
  ])('holds long text without spaces: %s', (_, line) => {
    const text = line.repeat(100);
    expect(found(text)).toBe(text);
  });
});

describe('words', () => {
  it.each<[string, string[]]>([
    ['Hello, world', ['hello', 'world']],
    ['file.ts snake_case kebab-case', ['file', 'ts', 'snake', 'case', 'kebab', 'case']],
    ['NAÏVE nai\u0308ve', ['naive', 'naive']],
    ['C++ C# C', ['c', 'c', 'c']],
    ['中文 ab', ['中', '文', 'ab']],
    ['使用C++', ['使', '用', 'c']],
    ['😀 🏳️‍🌈', []],
    ['a\0b', ['a', 'b']],
    ['\ud800x\udc00', ['x']],
    ['', []],
  ])('of %j are %j', (text, expected) => expect(words(text)).toEqual(expected));

  it.each(['C++, C# and C', 'e\u0301te\u0301 中文 x', 'a\ud800b 😀c'])('lie where they say: %j', (text) => {
    for (const { start, end, word, signs } of wordsOf(text)) {
      const folded = text.slice(start, end).normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();
      expect(folded).toBe(word + signs);
    }
  });
});

describe('the phrases of a query', () => {
  it.each<[string, string[]]>([
    ['one two', ['one', 'two']],
    ['"race condition" file.ts', ['race condition', 'file.ts']],
    ['foo"', ['foo']],
    ['"foo', ['foo']],
    ['a"b c"d', ['a', 'b c', 'd']],
    ['"a""b"', ['a', 'b']],
    ['AND OR NOT NEAR(x', ['AND', 'OR', 'NOT', 'NEAR(x']],
    ['col:x -y z* ^w', ['col:x', '-y', 'z*', '^w']],
    ['\tone\u00a0two\n', ['one', 'two']],
    ['', []],
    ['"', []],
    ['""" "', []],
    ['* ^ - ( ) : , ; ! ? 😀 \ud800 \0', []],
  ])('%j are %j', (query, expected) => expect(phrasesOf(query)).toEqual(expected));
});

/** An index takes what a query asks for as what the text holds: each a run of words. */
const indexed = (text: string) => ` ${words(forIndex(text)).join(' ')} `;
const finds = (query: string, text: string) => phrasesOf(query).every((each) => indexed(text).includes(indexed(each)));

describe('what is indexed', () => {
  it.each([
    ['C++', 'plain C++ code'],
    ['C++', '使用C++编程'],
    ['使用C++', '使用C++编程'],
    ['F#', 'ในF#และC#'],
    ['C', 'C++'],
    ['café+', 'cafe\u0301+ bar'],
    ['한국어', '한국어'.normalize('NFD')],
    ['한국어'.normalize('NFD'), '한국어'],
    ['がっこう', 'か\u3099っこう'],
  ])('lets %j find %j', (query, text) => expect(finds(query, text)).toBe(true));

  it.each([
    ['C++', 'C code'],
    ['C#', 'C++'],
    ['C++', 'C+++'],
    ['文中', '中文'],
  ])('does not let %j find %j', (query, text) => expect(finds(query, text)).toBe(false));

  it('has no NUL and no lone surrogate, which end or break SQL text', () => {
    expect(forIndex('a\0b\ud800c\udc00d')).toBe('a b\ufffdc\ufffdd');
  });

  // A pattern that begins anew at each letter never comes to an end.
  it.each([
    ['letters', 'я'],
    ['Chinese', '中'],
    ['marks', 'e\u0301'],
    ['signs', 'a+'],
  ])('is made of 50,000 %s without a space before the test ends', (_, piece) => {
    expect(forIndex(piece.repeat(50_000)).length).toBeGreaterThanOrEqual(50_000);
  });
});
