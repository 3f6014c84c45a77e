import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readFeeds, readRecordings } from '../demo/fixtures.ts';
import { readOpml } from '../demo/opml.ts';
import { broken, type Result } from '../demo/result.ts';
import { bar, sparkline } from '../demo/screen.ts';
import { messageRef, withRef } from '../demo/storage.ts';
import { table } from '../demo/table.ts';
import { sum, tally } from '../demo/tally.ts';

const opml = (body: string) => `<?xml version="1.0"?><opml version="2.0"><body>${body}</body></opml>`;

describe('readOpml', () => {
  it('reads nested outlines as categories', () => {
    const inner = '<outline text="B"><outline text="f" xmlUrl="https://a.example/1"/></outline>';
    const text = opml(`<outline text="A">${inner}</outline><outline title="g" xmlUrl='https://a.example/2'></outline>`);
    expect(readOpml(text)).toEqual([
      { name: 'f', url: 'https://a.example/1', category: 'A / B' },
      { name: 'g', url: 'https://a.example/2', category: null },
    ]);
  });

  it('decodes the entities of XML and character numbers, once', () => {
    const text = opml(
      '<outline text="&lt;&amp;lt;&gt;&quot;&apos;&#233;&#x1F399; 日本 فنجان" xmlUrl="https://a.example/?a&amp;b"/>',
    );
    expect(readOpml(text)).toEqual([{ name: '<&lt;>"\'é🎙 日本 فنجان', url: 'https://a.example/?a&b', category: null }]);
  });

  it('passes over comments, instructions and a byte order mark', () => {
    const text = `\ufeff${opml('<!-- <outline text="no"> --><?x y?><outline text="f" xmlUrl="https://a.example"/>')}`;
    expect(readOpml(text)).toHaveLength(1);
  });

  it.each([
    ['a document type', '<!DOCTYPE opml><opml></opml>', "cannot read '<!DOCTYPE"],
    ['an entity of its own', opml('<outline text="&company;"/>'), "'&company;' stands for nothing"],
    ['a bare ampersand', opml('<outline text="a & b"/>'), "'&' stands for nothing"],
    ['a character beyond Unicode', opml('<outline text="&#x110000;"/>'), 'stands for nothing'],
    ['an outline without a text', opml('<outline xmlUrl="https://a.example"/>'), 'has no text'],
    ['a field given twice', opml('<outline text="a" text="b"/>'), "'text' twice"],
    ['tags that cross', opml('<outline text="a"></body></outline>'), '</body> ends <outline>'],
    ['an end without a beginning', `${opml('')}</opml>`, '</opml> ends <nothing>'],
    ['a cut file', opml('').slice(0, -3), "cannot read '</op'"],
    ['a file cut between tags', '<opml><body>', 'ends inside <body>'],
    ['a second root', `${opml('')}${opml('')}`, 'where the one <opml> should be'],
    ['another document', '<rss></rss>', '<rss> at character 0'],
    ['an empty file', '', 'ends inside <nothing>'],
  ])('refuses %s', (_, text, message) => {
    expect(() => readOpml(text)).toThrow(message);
  });

  it('reads the fixture, and so are the recordings', () => {
    const feeds = readFeeds();
    expect(feeds).toHaveLength(18);
    expect(new Set(feeds.map(({ name }) => name)).size).toBe(18);
    expect(feeds.map(({ category }) => category)).toContain('News & economics');
    expect(readRecordings().every(({ messages }) => messages.length > 0)).toBe(true);
    expect(readRecordings()).toHaveLength(7);
  });
});

describe('tally', () => {
  it('finds nothing wrong where all is there once', () => {
    expect(tally(['a', 'b'], ['b', 'a'])).toEqual({ acknowledged: 2, present: 2, lost: [], duplicated: [] });
  });

  it('names what was acknowledged and is not there', () => {
    expect(tally(['a', 'b', 'c'], ['b'])).toEqual({ acknowledged: 3, present: 1, lost: ['a', 'c'], duplicated: [] });
  });

  it('counts each copy too many, also of a write that nobody was told of', () => {
    const found = ['a', 'a', 'a', 'unreported', 'unreported'];
    expect(tally(['a'], found)).toEqual({
      acknowledged: 1,
      present: 1,
      lost: [],
      duplicated: ['a', 'a', 'unreported'],
    });
  });

  it('does not mind a write that is there without having been acknowledged', () => {
    expect(tally(['a'], ['a', 'unreported'])).toEqual({ acknowledged: 1, present: 1, lost: [], duplicated: [] });
  });

  it('does not let an extra copy hide a loss', () => {
    const both = sum(tally(['a', 'b'], ['a', 'a']), tally(['f'], []));
    expect(both).toEqual({ acknowledged: 3, present: 1, lost: ['b', 'f'], duplicated: ['a'] });
  });
});

describe('messageRef', () => {
  const { ref, message } = withRef({ role: 'user', content: 'é', tool_calls: [{ a: null }] }, 'cli-1.1.0.7');

  it('recognises a message as it was sent, with what holdfast adds', () => {
    expect(messageRef({ id: 'x', seq: 3, ...message })).toBe(ref);
  });

  it.each([
    ['altered', { ...message, content: 'e' }],
    ['with a field less', { role: 'user', content: 'é', ref }],
    ['with a field more', { ...message, more: 1 }],
    ['without its name', { role: 'user', content: 'é' }],
  ])('does not take one %s for it', (_, stored) => {
    expect(messageRef(stored)).toBeUndefined();
  });
});

const good = tally(['a', 'b'], ['a', 'b']);
const login = { refreshes: 8, reused: 0, loggedOut: 0 };
const result = (all = good, more: Partial<Result> = {}): Result => ({
  kinds: { messages: all, feeds: tally([], []) },
  all,
  login,
  corrupt: 0,
  errors: [],
  writesPerSecond: 12_345,
  longestMs: 1234,
  cliKills: 7,
  daemonKills: 9,
  ...more,
});

describe('the verdict', () => {
  it('is clean only when every acknowledged write is there once and no error was seen', () => {
    expect(broken(result())).toEqual([]);
  });

  it.each([
    ['nothing acknowledged', result(tally([], [])), 'nothing was acknowledged'],
    ['a loss', result(tally(['a', 'b'], ['a'])), '1 acknowledged writes lost, the first: b'],
    ['a duplicate', result(tally(['a'], ['a', 'a'])), '1 writes stored twice, the first: a'],
    ['damage', result(good, { corrupt: 1 }), '1 records damaged'],
    ['no refresh', result(good, { login: { ...login, refreshes: 0 } }), 'the login was never refreshed'],
    ['a token used again', result(good, { login: { ...login, reused: 3 } }), 'a spent refresh token was used, 3 times'],
    ['a lost login', result(good, { login: { ...login, loggedOut: 4 } }), '4 processes logged out'],
    ['an error', result(good, { errors: ['no'] }), '1 errors reached an application, the first: no'],
  ])('names %s', (_, bad, failure) => {
    expect(broken(bad)).toEqual([failure]);
    expect(table(bad, result()).join('\n')).toContain(failure);
  });

  it.each([
    [result(tally(['a', 'b'], ['a'])), 'The JSON files lost 1 that their application had been told was saved.'],
    [result(), 'The JSON files lost nothing this time'],
    [
      result(good, { login: { refreshes: 1, reused: 3, loggedOut: 4 } }),
      'The login in the JSON file ended: 4 of 4 processes must log in again.',
    ],
    [result(), 'The login in the JSON file lasted this time'],
  ])('says what the files lost', (files, sentence) => {
    const lines = table(result(), files);
    expect(lines.join('\n')).toContain(sentence);
    for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(80);
  });
});

describe('bars', () => {
  it('show a part, and nothing of nothing', () => {
    expect(bar(1, 2, 4)).toBe('██░░');
    expect(bar(0, 0, 4)).toBe('░░░░');
  });

  it('show the newest values against their highest', () => {
    expect(sparkline([9, 0, 4, 8], 3)).toBe('·▅█');
    expect(sparkline([], 3)).toBe('');
  });
});
