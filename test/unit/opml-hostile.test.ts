import { describe, expect, it } from 'vitest';
import { readOpml } from '../../client/cli/feeds/opml.ts';
import { plan } from '../../client/cli/feeds/plan.ts';
import { decode } from '../../client/cli/feeds/read.ts';

const outline = '<outline text="Grüße" xmlUrl="https://a.example/"/>';
const document = (body: string, declaration = '<?xml version="1.0"?>') =>
  `${declaration}\n<opml version="2.0">\n<body>\n${body}\n</body></opml>`;
const names = async (bytes: Buffer) => (await readOpml(decode(bytes))).flatMap((one) => one.names);
const read = async (body: string) => plan(await readOpml(document(body)), [], []);
const refusal = (bytes: Buffer | string) =>
  names(Buffer.from(bytes)).then(
    () => 'it was read',
    (error: Error) => error.message,
  );

/** Entities that stand for ten of the one before each: a billion in the end. */
const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');
const subset = (entities: string) => `<?xml version="1.0"?><!DOCTYPE opml [<!ENTITY l0 "ha">${entities}]>`;

describe('a file that is no good', () => {
  it.each([
    ['is empty', '', /^line 1, column 1: Root element is missing/],
    ['is no XML', '{"feeds":[]}', /^line 1, column 1: Root element/],
    ['is another document', '\n<rss version="2.0"><channel/></rss>', /^line 2: this is no OPML/],
    ['has no body', '<opml version="2.0"><head/></opml>', /^line 1: <opml> has no <body>/],
    ['is cut off', document(outline).slice(0, -14), /^line 4, column \d+: Missing end tag for element body$/],
    ['has a bare &', document('<outline text="a & b"/>'), /^line 4, column \d+: Unterminated.*'&amp;'$/],
    ['has a bare <', document('<outline text="a < b"/>'), /^line 4, column \d+: Unescaped `<`/],
    ['has an attribute twice', document('<outline a="" a=""/>'), /^line 4, column \d+: Duplicate attribute$/],
    ['has a control character', document('<outline text="\u0001"/>'), /^line 4, .*Invalid character$/],
    ['has a reference to NUL', document('<outline text="&#0;"/>'), /^line 4, .*invalid character/],
    ['has half a character', document('<outline text="&#xd83d;"/>'), /^line 4, .*invalid character/],
    ['blows itself up', document('<outline text="&l9;"/>', subset(laughs)), /^line 4, .*Named entity isn't defined/],
    [
      'reads another file',
      document('<outline text="&x;"/>', subset('<!ENTITY x SYSTEM "file:///etc/hostname">')),
      /^line 4, .*Named entity isn't defined/,
    ],
    ['is 100,000 deep', document('<outline text="x">'.repeat(100_000)), /^outlines lie thousands deep/],
    ['is no UTF-8', Buffer.from(document(outline), 'latin1'), /^line 4: this is no UTF-8: convert/],
    [
      'is UTF-16 that ends early',
      Buffer.from(`\ufeff${document(outline)}`, 'utf16le').subarray(0, -1),
      /^this is no UTF-16LE/,
    ],
    [
      'declares nonsense',
      document(outline, '<?xml version="1.0" encoding="klingon"?>'),
      /^line 1: the encoding.*UTF-8/,
    ],
  ])('%s, and is told so', async (_name, bytes, message) => expect(await refusal(bytes)).toMatch(message));

  it('is not repeated in the error: it may hold a password', async () => {
    for (const broken of ['me:&hunter22;@x"/>', 'me:"hunter22="" hunter22=""/>', 'me:hunter22@x', 'me:hunter22<"/>']) {
      const message = await refusal(document(`<outline xmlUrl="https://${broken}`));
      expect(message).toMatch(/^line \d/);
      expect(message).not.toContain('hunter22');
    }
  });
});

describe('a file that is good', () => {
  // Red control of the two above: it is the entity that is refused, not the document type.
  it('may have a document type, which is passed over', async () => {
    expect(await names(Buffer.from(document(outline, subset(laughs))))).toEqual(['Grüße']);
  });

  it.each([
    ['UTF-8', Buffer.from(document(outline))],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${document(outline, '<?xml version="1.0" encoding="x"?>')}`)],
    ['UTF-16', Buffer.from(`\ufeff${document(outline, '<?xml version="1.0" encoding="UTF-16"?>')}`, 'utf16le')],
    ['UTF-16 without a mark', Buffer.from(document(outline), 'utf16le')],
    ['big-endian UTF-16', Buffer.from(`\ufeff${document(outline)}`, 'utf16le').swap16()],
    ['UTF-8 that says it is UTF-16', Buffer.from(document(outline, `<?xml version='1.0' encoding='utf-16'?>`))],
    ['Latin-1', Buffer.from(document(outline, `<?xml version="1.0" encoding='ISO-8859-1'?>`), 'latin1')],
  ])('may be %s', async (_name, bytes) => expect(await names(bytes)).toEqual(['Grüße']));

  it('may be Japanese of another time', async () => {
    const [before = '', after = ''] = document(
      '<outline text="*"/>',
      '<?xml version="1.0" encoding="Shift_JIS"?>',
    ).split('*');
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0x93, 0xfa, 0x96, 0x7b]), Buffer.from(after)]);
    expect(await names(bytes)).toEqual(['日本']);
  });

  it('counts lines however they end', async () => {
    const text = document(`\r\n\r${outline}\n${outline}`);
    expect((await readOpml(text)).map(({ line }) => line)).toEqual([6, 7]);
  });

  it('is read in one go, however its bytes are spent', async () => {
    const much = 1024 * 1024;
    const deep = 2000;
    // Line ends took the parser a time that grew with the square of their number; an emoji makes it slower still.
    expect((await read(`😀${'\r'.repeat(much - 4)}`)).additions).toEqual([]);
    const name = await read(`<outline text="${'x'.repeat(much - 100)}" xmlUrl="https://a.example/"/>`);
    expect(name.additions).toMatchObject([{ name: 'a.example' }]);
    expect(name.leftOut).toMatchObject([{ field: 'text' }]);
    expect((await read(`<outline xmlUrl="https://${'x'.repeat(much - 100)}"/>`)).refused).toHaveLength(1);
    const same = `<outline text="x" xmlUrl="https://*.example/"/>`;
    const many = await read(Array.from({ length: 10_000 }, (_, n) => same.replace('*', String(n))).join('\n'));
    expect(new Set(many.additions.map((one) => one.name)).size).toBe(10_000);
    const folders = await read(
      `${'<outline text="a long name of a folder">'.repeat(deep)}${outline}${'</outline>'.repeat(deep)}`,
    );
    expect(folders.leftOut).toMatchObject([{ field: 'folder', reason: 'must not exceed 1000 characters' }]);
    expect(folders.additions).toMatchObject([{ name: 'Grüße' }]);
  });
});
