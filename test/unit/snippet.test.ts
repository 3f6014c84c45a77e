import { describe, expect, it } from 'vitest';
import { snippetOf } from '../../daemon/store/resources/search/snippet.ts';
import { phrasesOf } from '../../daemon/store/resources/search/text.ts';

const snippet = (query: string, text: string) => snippetOf(text, phrasesOf(query));
/** What the offsets cut out of the snippet. */
function marked(query: string, text: string) {
  const { snippet: line, matches } = snippet(query, text);
  return matches.map(({ start, end }) => line.slice(start, end));
}
const filler = (words: number) => Array.from({ length: words }, (_, n) => `filler${n}`).join(' ');
const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

describe('the matches of a snippet', () => {
  it.each<[string, string, string[]]>([
    ['cat', 'a cat, the Cat and CATS', ['cat', 'Cat']],
    ['"race condition"', 'Race: condition; a race', ['Race: condition']],
    ['file.ts', 'in file.ts and file ts, no file', ['file.ts', 'file ts']],
    ['C++', 'C, C# and C++.', ['C++']],
    ['C', 'C, C# and C++.', ['C', 'C#', 'C++']],
    ['naive', 'NAÏVE nai\u0308ve', ['NAÏVE', 'nai\u0308ve']],
    ['naïve', 'naive', ['naive']],
    ['苹果', '我喜欢吃苹果和果苹', ['苹果']],
    ['ほん', 'ぼん ほん', ['ほん']],
    ['한국어', '한국어'.normalize('NFD'), ['한국어'.normalize('NFD')]],
    ['cat', '😀cat😀 👨‍👩‍👧 cat', ['cat', 'cat']],
    ['cat', 'a\0cat\ud800cat', ['cat', 'cat']],
    ['foo" AND', 'foo and', ['foo', 'and']],
    ['cat dog', 'dog cat', ['dog', 'cat']],
    ['cat "cat nap"', 'cat nap', ['cat']],
    ['a "b a"', 'b a b', ['b a']],
    ['cat', '', []],
    ['cat', 'dog', []],
  ])('for %j in %j are %j', (query, text, expected) => expect(marked(query, text)).toEqual(expected));

  it('are never of a word that the snippet cuts off', () => {
    for (let length = 100; length < 160; length++) {
      const text = `cat ${'x'.repeat(length)} category`;
      expect(marked('cat', text)).toEqual(['cat']);
    }
  });
});

describe('a snippet', () => {
  it('is one line of plain text, without a mark where it is whole', () => {
    expect(snippet('cat', ' a\r\n\tcat \0\u001b[31m b ').snippet).toBe('a cat [31m b');
  });

  it('holds the first match with words before and after it, and says that there is more', () => {
    const { snippet: line, matches } = snippet('cat', `${filler(50)} cat ${filler(50)}`);
    expect(line).toMatch(/^…filler\d+ .* cat filler0 .*…$/);
    expect(line.length).toBeLessThan(220);
    expect(matches).toHaveLength(1);
  });

  it('of a word that comes late is found', () => {
    expect(marked('cat', `${filler(20_000)} cat ${filler(10)}`)).toEqual(['cat']);
  });

  it('without a match in reach is the beginning', () => {
    const { snippet: line, matches } = snippet('cat', `${'x '.repeat(200_000)} cat`);
    expect({ line: line.slice(0, 5), matches }).toEqual({ line: 'x x x', matches: [] });
  });

  // Whatever comes before or after, the cut falls between characters, and the offsets fit.
  it.each(['😀', 'e\u0301', '中', 'x', 'xy ', '\ud83d', '👩🏽‍💻'])(
    'cuts no character in two: %j around the match',
    (piece) => {
      for (let before = 0; before < 70; before++) {
        const text = `${piece.repeat(before)} cat ${'.'.repeat(before)}${piece.repeat(100)}`;
        const { snippet: line, matches } = snippet('cat', text);
        expect(matches.map(({ start, end }) => line.slice(start, end))).toEqual(['cat']);
        expect(line).not.toMatch(lone);
        expect(line.includes('\ufffd')).toBe(!text.isWellFormed());
      }
    },
  );

  it.each([1, 50, 200])('of a long phrase begins where the phrase begins: %i words', (count) => {
    const phrase = filler(count);
    const { snippet: line } = snippet(`"${phrase}"`, `${'before '.repeat(100)}${phrase} after`);
    expect(line).toContain('before filler0');
  });
});
