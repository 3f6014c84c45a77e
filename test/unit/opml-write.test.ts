import { describe, expect, it } from 'vitest';
import { readOpml } from '../../client/cli/feeds/opml.ts';
import { plan } from '../../client/cli/feeds/plan.ts';
import { writeOpml } from '../../client/cli/feeds/write.ts';
import { put, type Feed } from '../../shared/resources/feeds.ts';
import { hostile } from '../helpers/hostile.ts';
import { Random } from '../helpers/model-random.ts';

const feed = (rest: Partial<Feed> & { name: string }): Feed => ({
  url: 'https://a.example/feed',
  category: null,
  displayName: null,
  tags: [],
  metadata: {},
  auth: { kind: 'none' },
  credentials: 'none',
  createdAt: '2026-01-31T12:00:00.000Z',
  updatedAt: '2026-01-31T12:00:00.000Z',
  revision: 'x.1',
  ...rest,
});

/** What a feed is, but for what only the store knows. */
const essence = ({ name, url, category, displayName, tags, metadata }: Partial<Feed>) => {
  const empty = {
    category: category ?? null,
    displayName: displayName ?? null,
    tags: tags ?? [],
    metadata: metadata ?? {},
  };
  return { name, url, ...empty };
};
const sorted = (feeds: Partial<Feed>[]) =>
  feeds.map(essence).toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
/** The feeds that an import of this text would add to an empty application. */
const readBack = async (text: string) => {
  const made = plan(await readOpml(text), [], []);
  return { ...made, feeds: sorted(made.additions.map(({ name, url, fields }) => ({ name, url, ...fields }))) };
};

const ofXml = String.raw`< > & &amp; &#10; " ' ]]> <!-- / , a News é 😀`.split(' ');
const spaces = ['\t', '\n', '\r', '\r\n', ' ', '  ', ' / ', ''];
const hostileTexts = hostile.flatMap(([, value]) => (typeof value === 'string' ? [value] : []));
const pieces = [...hostileTexts, ...ofXml, ...spaces];
const some = (random: Random) => Array.from({ length: random.upTo(4) }, () => random.pick(pieces) ?? '').join('');

/** So many feeds of any kind that the schema takes. */
function anyFeeds(random: Random, count: number): Feed[] {
  const feeds: Feed[] = [];
  for (let number = 0; feeds.length < count; number++) {
    const details = { ...random.maybe(0.5, 'description', some(random)), ...random.maybe(0.1, 'x', 1) };
    const { data } = put.input.safeParse({
      app: 'test',
      name: `${some(random)}${random.chance(0.5) ? number : ''}`,
      url: `https://a.example/${number}?a=1&b=<"'>${random.chance(0.2) ? '\u00e9\ufffe' : ''}`,
      ...random.maybe(0.7, 'category', some(random)),
      ...random.maybe(0.7, 'displayName', some(random)),
      ...random.maybe(0.5, 'tags', [some(random), some(random)]),
      ...random.maybe(0.5, 'metadata', details),
    });
    if (data) feeds.push(feed(essence(data as Partial<Feed>) as Feed));
  }
  return feeds;
}

/** No empty texts, which OPML has no way to tell from none, and no blank names. */
const isCarried = (one: Feed) =>
  one.name.trim() !== '' &&
  [one.category, one.displayName].every((text) => text !== '') &&
  writeOpml('x', [one]).notes.length === 0;

const seed = 20_260_131;

describe('feeds written as OPML', () => {
  it('are the same when they are read again, whatever they are called', async () => {
    const random = new Random(seed);
    const all = anyFeeds(random, 1500);
    // Of feeds of one name there can only be one.
    const feeds = [...new Map(all.filter(isCarried).map((one) => [one.name, one])).values()];
    expect(feeds.length).toBeGreaterThan(200);
    const { text } = writeOpml('test', feeds);
    expect(await readBack(text)).toMatchObject({ feeds: sorted(feeds), skipped: [], refused: [], leftOut: [] });
    // Red control: without what it does for line ends, they are others.
    const { feeds: others } = await readBack(text.replaceAll(/&#(9|10|13);/g, '\n'));
    expect(others).not.toEqual(sorted(feeds));
  });

  it('lose only what is told, and are never refused', async () => {
    const random = new Random(seed + 1);
    for (const one of anyFeeds(random, 500)) {
      const { text } = writeOpml('test', [one]);
      const { feeds, refused, skipped } = await readBack(text);
      expect([feeds.length, refused, skipped]).toEqual([1, [], []]);
      expect(feeds[0]?.url).toBe(one.url.replaceAll('\ufffe', '\ufffd'));
      expect(isCarried(one) ? feeds : []).toEqual(isCarried(one) ? [essence(one)] : []);
    }
  });

  it('have folders, an order and no date: the same feeds give the same text', () => {
    const feeds = [
      feed({ name: 'b', category: 'News / Daily', tags: ['x', 'y'] }),
      feed({ name: 'a "<&>\n', displayName: 'A' }),
      feed({ name: 'c', category: 'News', metadata: { htmlUrl: 'https://a.example/' } }),
    ];
    const { text, notes } = writeOpml('test', feeds);
    expect(notes).toEqual([]);
    expect(text).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head>
    <title>Feeds of test</title>
  </head>
  <body>
    <outline type="rss" text="a &quot;&lt;&amp;&gt;&#10;" title="A" xmlUrl="https://a.example/feed"/>
    <outline text="News">
      <outline type="rss" text="c" htmlUrl="https://a.example/" xmlUrl="https://a.example/feed"/>
      <outline text="Daily">
        <outline type="rss" text="b" category="x,y" xmlUrl="https://a.example/feed"/>
      </outline>
    </outline>
  </body>
</opml>
`);
  });

  it('come with what is not in the text', () => {
    const login = 'https://me:hunter22@a.example/';
    const { text, notes } = writeOpml('test', [
      feed({ name: 'a', auth: { kind: 'basic' } }),
      feed({ name: 'b', auth: { kind: 'bearer' }, tags: ['x,y', 'z'] }),
      feed({ name: 'c', metadata: { custom: 'other', htmlUrl: 1 }, displayName: 'x\u0001\uffffy' }),
      feed({ name: `d ${login} ${login}`, metadata: { description: login }, category: login, tags: [login] }),
    ]);
    expect(notes).toEqual([
      '2 of the feeds have a login, which is not in the file.',
      '1 of the feeds has an address with a password in a text, which was taken out.',
      '1 of the feeds has metadata that OPML has no place for.',
      '1 of the feeds has tags with commas or with spaces around them, which OPML has no place for.',
      '1 of the feeds has characters that XML has no place for, replaced by U+FFFD.',
    ]);
    expect(text).toContain('title="x\ufffd\ufffdy"');
    for (const gone of ['x,y', 'other', 'custom', 'hunter22', 'me:']) expect(text).not.toContain(gone);
    expect(text.match(/https:\/\/a\.example\/(?=["' ])/g)).toHaveLength(5);
  });
});
