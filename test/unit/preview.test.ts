import { describe, expect, it } from 'vitest';
import { previewOf } from '../../daemon/store/resources/sessions/preview.ts';
import type { Json } from '../../shared/json.ts';

const preview = (content: Json) => previewOf({ role: 'user', content });
const family = '👨‍👩‍👧‍👦';
const flag = '🇩🇪';
/** A letter under thirty marks: one character of 31 code units. */
const stacked = `a${'\u0301'.repeat(30)}`;

describe('the preview', () => {
  it.each<[string, Json, string]>([
    ['text', 'Hello', 'Hello'],
    ['the first text part', [{ type: 'image' }, { type: 'text', text: 'A' }, { text: 'B' }], 'A'],
    ['one line', '  a\r\n\n b\t\tc  ', 'a b c'],
    ['no control characters', 'a\u0000b\u001b[31mc\u0085d', 'a b [31mc d'],
    ['well-formed text', 'a\ud800b', 'a\ufffdb'],
    ['80 characters, whole', 'x'.repeat(80), 'x'.repeat(80)],
    ['80 of more, and a mark', 'x'.repeat(81), `${'x'.repeat(79)}…`],
    ['no space before the mark', `${'x'.repeat(78)}    ${'y'.repeat(80)}`, `${'x'.repeat(78)}…`],
    ['80 flags, whole', flag.repeat(80), flag.repeat(80)],
    ['79 flags of more', flag.repeat(81), `${flag.repeat(79)}…`],
    ['80 letters with a mark each', 'e\u0301'.repeat(80), 'e\u0301'.repeat(80)],
    ['few large characters, whole', family.repeat(10), family.repeat(10)],
    ['nothing, of nothing', '', ''],
  ])('is %s', (_name, content, expected) => expect(preview(content)).toBe(expected));

  it.each([
    ['assistant', 'x'],
    [undefined, 'x'],
    ['User', 'x'],
    ['user', undefined],
    ['user', 5],
    ['user', null],
    ['user', []],
    ['user', ['x', null, { text: 5 }]],
    ['user', { text: 'x' }],
  ])('is none for role %j and content %j', (role, content) => {
    const message = { ...(role !== undefined && { role }), ...(content !== undefined && { content }) };
    expect(previewOf(message)).toBeUndefined();
  });

  // What is cut off must be told by the mark, and the cut must not go through a character.
  it.each([
    ['families', family],
    ['stacked marks', stacked],
  ])('of many large characters (%s) holds whole ones and the mark', (_name, character) => {
    const text = preview(character.repeat(100)) ?? '';
    expect(text).toMatch(/.…$/u);
    expect(text.slice(0, -1).replaceAll(character, '')).toBe('');
  });

  it('of one endless character stays short', () => {
    const text = preview(`a${'\u0301'.repeat(100_000)}`) ?? '';
    expect(text.length).toBeLessThan(1000);
  });
});
