import { expect, it } from 'vitest';
import { headerLine, headerOf } from '../../client/cli/config/file.ts';

it.each(['plain', 'a "quoted" name: version 9 x', 'a\u2028b'])('the header of a file is found again: %j', (name) => {
  const stored = { version: 3, revision: 'epoch.7' };
  const text = `${headerLine('my-cli', name, stored)}a: 1\n`;
  expect(headerOf(text, 'my-cli', name)).toEqual(stored);
  expect(headerOf(text, 'my-cli', 'other')).toBeUndefined();
  expect(headerOf(text, 'other', name)).toBeUndefined();
});
