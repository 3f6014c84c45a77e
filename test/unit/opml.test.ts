import { describe, expect, it } from 'vitest';
import { readOpml } from '../../client/cli/feeds/opml.ts';
import { plan } from '../../client/cli/feeds/plan.ts';

const document = (body: string) => `<?xml version="1.0"?><opml version="2.0"><head/><body>${body}</body></opml>`;
/** What an import of these outlines into an empty application would do. */
const planned = async (body: string) => plan(await readOpml(document(body)), [], []);
/** The feeds it would add, each as its name, its address and what else it keeps. */
const added = async (body: string) =>
  (await planned(body)).additions.map(({ name, url, fields }) => ({ name, url, ...fields }));
const url = 'https://a.example/feed';
const feed = (n: number) => `<outline text="${n}" xmlUrl="https://a.example/${n}"/>`;

describe('an OPML document', () => {
  it('has folders, which are the category', async () => {
    const body = `${feed(1)}<outline text="News">${feed(2)}<outline title="Daily">${feed(3)}</outline>${feed(4)}
      <outline>${feed(5)}</outline></outline><outline text="Own" xmlUrl="https://a.example/6">${feed(7)}</outline>${feed(8)}`;
    expect((await added(body)).map(({ name, category }) => [name, category])).toEqual([
      ['1', undefined],
      ['2', 'News'],
      ['3', 'News / Daily'],
      ['4', 'News'],
      ['5', 'News'],
      ['Own', undefined],
      ['7', 'Own'],
      ['8', undefined],
    ]);
  });

  it.each([
    ['xmlUrl and its cases', `text="a" XMLURL="${url}"`, { name: 'a', url }],
    ['an address with spaces around it', `text="a" xmlUrl=" ${url}\n"`, { name: 'a', url }],
    ['a title beside the text', `text="a" title="The A" xmlUrl="${url}"`, { name: 'a', url, displayName: 'The A' }],
    ['a title alone', `title="The A" xmlUrl="${url}"`, { name: 'The A', url, displayName: 'The A' }],
    ['no name at all', `text=" " xmlUrl="${url}"`, { name: 'a.example', url }],
    ['entities of HTML', `text="&eacute;&nbsp;&euro; &#x1f600;&lt;" xmlUrl="${url}"`, { name: 'é\u00a0€ 😀<', url }],
    ['tags', `text="a" category="x, y z,,/p/q" xmlUrl="${url}"`, { name: 'a', url, tags: ['x', 'y z', '/p/q'] }],
    [
      'a page, a description and a language',
      `text="a" htmlUrl="https://a.example/" description="&#10;d" language="de" xmlUrl="${url}" other="x"`,
      { name: 'a', url, metadata: { htmlUrl: 'https://a.example/', description: '\nd', language: 'de' } },
    ],
    ['a name with line ends', `text="a&#10;b" xmlUrl="${url}"`, { name: 'a b', url, displayName: 'a\nb' }],
    ['a name that is none', `text=".." xmlUrl="${url}"`, { name: 'a.example', url, displayName: '..' }],
  ])('may have %s', async (_name, attributes, expected) => {
    expect(await added(`<outline type="rss" ${attributes}/>`)).toEqual([expected]);
  });

  it.each(['1.0', '1.1', '2.0'])('may be of version %s, with elements in capitals', async (version) => {
    const text = `\n<OPML version="${version}"><Body><OUTLINE text="a" xmlUrl="${url}"/></Body></OPML>`;
    expect(await readOpml(text)).toMatchObject([{ line: 2, names: ['a'], url }]);
  });
});

describe('the plan of an import', () => {
  it('adds each address once, and gives each feed a name of its own', async () => {
    const long = '😀'.repeat(200);
    const names = ['a', 'a', 'a', 'a (2)', long, long, `${long}b`];
    const body = names.map((name, n) => `\n<outline text="${name}" xmlUrl="https://${n}.example/"/>`).join('');
    const again = '<outline text="other" xmlUrl="HTTPS://0.EXAMPLE"/>';
    const { additions, skipped } = await planned(body + again);
    expect(additions.map(({ name }) => name)).toEqual([
      'a',
      'a (2)',
      'a (3)',
      'a (2) (2)',
      long,
      `${'😀'.repeat(196)} (2)`,
      `${'😀'.repeat(196)} (3)`,
    ]);
    expect(additions.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    // What the file calls it is still what is shown.
    expect(additions[1]).toMatchObject({
      from: 'a',
      fields: { displayName: 'a' },
      reason: expect.any(String) as string,
    });
    expect(additions[0]).toMatchObject({ from: 'a', fields: {}, reason: undefined });
    expect(skipped).toEqual([{ line: 8, name: 'other', reason: 'is the feed of line 2 again' }]);
  });

  it('leaves alone what is stored, and counts names with combining marks as one', async () => {
    const stored = { name: '\u00e9', url: 'https://stored.example' } as Parameters<typeof plan>[1][number];
    const body = `<outline text="x" xmlUrl="https://stored.example/"/><outline text="e\u0301" xmlUrl="${url}"/><outline text="damaged" xmlUrl="${url}2"/>`;
    const { additions, skipped } = plan(await readOpml(document(body)), [stored], ['damaged']);
    expect(additions.map(({ name }) => name)).toEqual(['\u00e9 (2)', 'damaged (2)']);
    expect(skipped).toMatchObject([{ name: 'x', reason: "is there already, as '\u00e9'" }]);
  });

  it('names the lines it refuses, skips or cuts, with the reason', async () => {
    const { additions, ...told } = await planned(`
      <outline type="rss" text="no address"/>
      <outline text="a note"/>
      <outline text="script" xmlUrl="javascript:alert(1)"/>
      <outline text="file" xmlUrl="file:///etc/passwd"/>
      <outline text="long" xmlUrl="https://a.example/${'x'.repeat(4000)}"/>
      <outline text="page" htmlUrl="javascript:alert(1)" title="${'t'.repeat(1001)}" xmlUrl="${url}"/>`);
    expect(additions).toMatchObject([{ line: 7, name: 'page', fields: {} }]);
    expect(told.skipped).toEqual([{ line: 3, name: 'a note', reason: 'has no xmlUrl, the address of a feed' }]);
    expect(told.refused.map(({ line, reason }) => [line, reason])).toEqual([
      [2, 'has no xmlUrl, the address of a feed'],
      [4, expect.stringMatching(/^its xmlUrl must be an http or https URL/)],
      [5, expect.stringMatching(/^its xmlUrl must be an http or https URL/)],
      [6, 'its xmlUrl must not exceed 4000 characters'],
    ]);
    expect(told.leftOut.map(({ line, field }) => [line, field])).toEqual([
      [7, 'title'],
      [7, 'htmlUrl'],
    ]);
  });

  it('keeps a password out of what it adds and of what it says', async () => {
    const secret = 'https://me:hunter22@a.example/';
    const attributes = ['text', 'title', 'htmlUrl', 'description', 'language', 'category'];
    const everywhere = attributes.map((name) => `${name}="${secret}"`).join(' ');
    const made = await planned(`
      <outline text="plain" xmlUrl="${secret}"/>
      <outline text="${secret}" xmlUrl="${secret}"/>
      <outline text="https://me:hunter22/x@a.example" xmlUrl="https://me:hunter22/x@a.example"/>
      <outline text="me:hunter22@a.example" xmlUrl="me:hunter22@a.example"/>
      <outline text="${secret}"><outline ${everywhere} xmlUrl="${url}"/></outline>`);
    expect(JSON.stringify(made)).not.toContain('hunter22');
    expect(made.refused.map(({ line, name }) => [line, name])).toEqual([
      [2, 'plain'],
      [3, null],
      [4, null],
      [5, null],
    ]);
    expect(made.additions).toMatchObject([{ name: 'a.example', url, fields: {} }]);
    expect(made.leftOut.map(({ field }) => field).toSorted()).toEqual([...attributes, 'folder'].toSorted());
    // An @ in a path is no login.
    const fine = 'https://medium.com/feed/@me';
    expect(await added(`<outline text="${fine}" xmlUrl="${fine}//x@y"/>`)).toEqual([
      { name: fine, url: `${fine}//x@y` },
    ]);
  });
});
