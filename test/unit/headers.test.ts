import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldHeaders, unquote } from '../../shared/headers.ts';
import { protocol, version } from '../../shared/protocol.ts';
import { root } from '../helpers/daemon.ts';

describe('unquote', () => {
  it.each([
    ['"a.1"', 'a.1'],
    ['a.1', 'a.1'],
    ['  "a.1"\t', 'a.1'],
    [' a.1 ', 'a.1'],
    ['""', ''],
    ['', ''],
    ['"', '"'],
    ['"a', '"a'],
    ['a"', 'a"'],
    ['""a""', '"a"'],
    ['" a "', ' a '],
    // A weak tag names no exact state: it stays as it is, and matches nothing.
    ['W/"a.1"', 'W/"a.1"'],
  ])('%j is %j', (text, plain) => expect(unquote(text)).toBe(plain));
});

describe('the headers of fields', () => {
  it.each([
    ['if-match', '"e.1"', 'e.1'],
    ['if-none-match', '*', 'true'],
    ['if-none-match', ' * ', 'true'],
    ['if-none-match', '"e.1"', undefined],
    ['last-event-id', 'e.1', 'e.1'],
  ] as const)('%s: %s reads as %s', (name, text, value) => expect(fieldHeaders[name].read(text)).toBe(value));

  it('are written in lower case, as node:http gives them', () => {
    expect(Object.keys(fieldHeaders).map((name) => name.toLowerCase())).toEqual(Object.keys(fieldHeaders));
  });
});

describe('the version', () => {
  it('is that of package.json', () => {
    expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).toMatchObject({ version });
  });
  it('of the protocol is a positive integer', () => expect(Number.isInteger(protocol) && protocol > 0).toBe(true));
});
