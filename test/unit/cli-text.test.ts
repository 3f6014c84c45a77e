import { describe, expect, it } from 'vitest';
import { cut, duration, safe, safeJson, safeLines, size, width } from '../../client/cli/text.ts';
import { hostile } from '../helpers/hostile.ts';

// oxlint-disable-next-line no-control-regex -- what a terminal obeys or hides
const obeyed = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff\u2028\u2029]|\p{Surrogate}/u;
const texts = hostile.filter((entry): entry is [string, string] => typeof entry[1] === 'string');

describe('a text on a terminal', () => {
  it.each(texts)('holds nothing that the terminal obeys: %s', (_name, text) => {
    expect(safe(text)).not.toMatch(obeyed);
    expect(safeLines(text).replaceAll(/[\n\t]/g, '')).not.toMatch(obeyed);
    const json = safeJson(JSON.stringify({ text }));
    expect(json).not.toMatch(obeyed);
    expect(JSON.parse(json)).toEqual({ text });
  });

  it('was dangerous before', () => {
    expect(texts.filter(([, text]) => obeyed.test(text)).length).toBeGreaterThan(5);
  });

  it.each([
    ['\u001b[2J\u009b31m', String.raw`\u{1b}[2J\u{9b}31m`],
    ['abc\u202edef', String.raw`abc\u{202e}def`],
    ['a\n\tb', 'a b'],
    ['plain, ünï, 日本, 👨‍👩‍👧‍👦', 'plain, ünï, 日本, 👨‍👩‍👧‍👦'],
    ['hidden \u{e0041}', String.raw`hidden \u{e0041}`],
  ])('%j is shown as %j', (text, shown) => expect(safe(text)).toBe(shown));

  it.each([
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['e\u0301a', 2],
    ['👨‍👩‍👧‍👦', 2],
    ['한글', 4],
  ])('%j takes %i columns', (text, columns) => expect(width(text)).toBe(columns));

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 4, 'abc…'],
    ['日本語', 4, '日…'],
    ['👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 4, '👨‍👩‍👧‍👦…'],
  ])('%j is cut to %i columns as %j', (text, columns, short) => {
    expect(cut(text, columns)).toBe(short);
    expect(width(cut(text, columns))).toBeLessThanOrEqual(columns);
  });

  it.each([
    [900, '0 s'],
    [61_000, '1 min'],
    [3_700_000, '1 h 1 min'],
    [50 * 3_600_000, '2 days 2 h'],
  ])('%i ms are %s', (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1024, '1.0 KiB'],
    [5 * 1024 ** 3, '5.0 GiB'],
  ])('%i bytes are %s', (bytes, text) => expect(size(bytes)).toBe(text));
});
