import { expect, it } from 'vitest';
import { wrap } from '../../client/cli/screen.ts';

const terminal = { isTTY: true, columns: 20 };
const text = 'The daemon is not running: run it.';

it('lines of a terminal end between words, and begin under the first', () => {
  expect(wrap(text, '  ', terminal)).toEqual(['  The daemon is not', '  running: run it.']);
  expect(wrap(text, '', terminal)).toEqual(['The daemon is not', '  running: run it.']);
});

it('a path that is longer than the terminal stays whole, to be copied', () => {
  expect(wrap('see /a/path/of/many/folders now', '', terminal)).toEqual(['see', '  /a/path/of/many/folders', '  now']);
});

it('wide letters count twice, and what a terminal would obey is written out', () => {
  expect(wrap('漢字漢字漢字 漢字漢字\u001b', '', terminal)).toEqual(['漢字漢字漢字', '  漢字漢字\\u{1b}']);
});

it('elsewhere, and on a terminal that does not know how wide it is, a message is one line', () => {
  for (const columns of [20, 0]) expect(wrap(text, '  ', { isTTY: columns === 0, columns })).toEqual([`  ${text}`]);
});
