import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { curl } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, refused } from '../helpers/refusal.ts';

/** What is stored, by the id that a hit must name. */
const texts: Record<string, string> = {
  file: 'edit file.ts first',
  files: 'a file, ts',
  plus: 'learn C++ today',
  sharp: 'learn C# today',
  chinesePlus: '使用C++编程很有趣',
  letter: 'the letter C',
  quote: 'foo" and "bar',
  operators: 'AND OR NOT NEAR x',
  column: 'col:x text:y facet:z',
  emoji: 'party 🎉 time🎉now',
  chinese: '我喜欢吃苹果和香蕉',
  longChinese: `${'今天天气很好，我们去公园。'.repeat(60)}菠萝`,
  korean: '한국어 문장'.normalize('NFD'),
  kana: 'か\u3099っこう',
  arabic: 'مَرْحَبًا',
  marks: 'nai\u0308ve CAFÉ',
  nul: 'before\0after',
  surrogate: 'left\ud800right',
  late: `${'filler '.repeat(2000)}pineapple`,
  minified: JSON.stringify({ list: Array.from({ length: 200 }, (_, n) => `entry${n}`) }),
  url: `https://example.org/${'path.part/'.repeat(60)}?query=lighthouse`,
  long: 'x'.repeat(499),
};

describe('a search', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.sessions.create({ id: 's', title: 'Words' });
    const messages = Object.entries(texts).map(([id, content]) => ({ id, role: 'user', content }));
    await client.sessions.append({ id: 's', messages });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const search = (q: string) => client.search.messages({ q, limit: 100 });
  /** What the offsets cut out of each snippet. */
  const marked = async (q: string) =>
    itemsOf(await search(q)).map(({ snippet, matches }) => matches.map(({ start, end }) => snippet.slice(start, end)));
  const found = async (q: string) => itemsOf(await search(q)).map(({ id }) => id);

  it.each<[string, string[]]>([
    ['file', ['file', 'files']],
    ['file.ts', ['file', 'files']],
    ['"edit file"', ['file']],
    ['"file edit"', []],
    ['first edit', ['file']],
    ['C++', ['chinesePlus', 'plus']],
    ['使用C++', ['chinesePlus']],
    ['C#', ['sharp']],
    ['"learn C#"', ['sharp']],
    ['c', ['chinesePlus', 'letter', 'plus', 'sharp']],
    ['foo"', ['quote']],
    ['"foo and', ['quote']],
    ['"foo" and" "bar"', ['quote']],
    ['AND', ['operators', 'quote']],
    ['NOT x', ['operators']],
    ['NEAR(x', ['operators']],
    ['NEAR(', ['operators']],
    ['"not near"', ['operators']],
    ['col:x', ['column']],
    ['facet:z', ['column']],
    ['-x', ['column', 'operators']],
    ['x*', ['column', 'operators']],
    ['^col', ['column']],
    ['par*', []],
    ['{x} (y)', ['column']],
    ['🎉 party', ['emoji']],
    ['time🎉now', ['emoji']],
    ['苹果', ['chinese']],
    ['果苹', []],
    ['吃苹果和', ['chinese']],
    ['菠萝', ['longChinese']],
    ['한국어', ['korean']],
    ['がっこう', ['kana']],
    ['مرحبا', ['arabic']],
    ['naive cafe', ['marks']],
    ['"NAÏVE café"', ['marks']],
    ['before', ['nul']],
    ['after', ['nul']],
    ['before\0after', ['nul']],
    ['right', ['surrogate']],
    ['pineapple', ['late']],
    ['entry150', ['minified']],
    ['lighthouse', ['url']],
    ['x'.repeat(499), ['long']],
    ['x'.repeat(1000), []],
    [`${'苹'.repeat(999)}果`, []],
    ['a.'.repeat(500), []],
    ['today '.repeat(50), ['plus', 'sharp']],
    ['"" today', ['plus', 'sharp']],
    ['nowhere', []],
    ['s', []],
    ['user', []],
    ['b12 r75736572', []],
  ])('for %j finds %j', async (q, ids) => {
    expect((await found(q)).toSorted()).toEqual(ids);
  });

  it.each(Object.keys(texts))('finds the message %s by its own text, wherever it is cut off', async (id) => {
    // The longest query there may be, without a word that is cut and without the 51st.
    const words = (texts[id] ?? '').toWellFormed().replaceAll('"', ' ').split(/\s+/).slice(0, 50);
    const q = words.length > 1 ? words.join(' ').slice(0, 1000).replace(/\S*$/, '') || words[0] : words[0];
    if (q === undefined || q.length > 1000) return;
    expect(await found(q)).toContain(id);
  });

  it.each(['', ' ', '"', '""', '*', '^', '-', '()', '🎉', '+ - * /', '"" "', '\ud800', 'left\ud800right', '\0', '…'])(
    'for %j, which holds no word or is no text, is refused by name',
    async (q) => {
      expect(await refusal(search(q))).toMatchObject({ status: 400, code: 'invalid_input' });
      expect((await refusal(search(q))).message).toContain('q');
    },
  );

  it('for more than it takes is refused by name', async () => {
    for (const q of ['x'.repeat(1001), 'today '.repeat(51)]) {
      expect(await refusal(search(q))).toMatchObject({ status: 400, details: { errors: [{ path: 'q' }] } });
    }
  });

  it.each([
    ['q', ''],
    ['q', '?q=a&q=b'],
    ['limit', '?q=a&limit=0'],
    ['limit', '?q=a&limit=101'],
    ['limit', '?q=a&limit=1.5'],
    ['after', '?q=a&after=yesterday'],
    ['before', '?q=a&before=2026-01-01'],
    ['fresh', '?q=a&fresh=1'],
    ['role', `?q=a&role=${'r'.repeat(201)}`],
    ['session', '?q=a&session='],
    ['sort', '?q=a&sort=at'],
  ])('with a wrong field is refused by its name: %s in %j', async (field, query) => {
    const reply = await curl(home.paths.socket, 'GET', `/v1/apps/test/search${query}`);
    expect(refused(reply)).toBe('400 invalid_input');
    expect(reply.text).toContain(field);
  });

  it('names app, session, title, seq, id, role and time of a hit', async () => {
    const { items } = await client.sessions.messages({ id: 's', limit: 1 });
    const hit = itemsOf(await search('edit'))[0];
    expect(hit).toMatchObject({ app: 'test', session: 's', title: 'Words', seq: 1, id: items[0]?.id, role: 'user' });
    expect(hit).toMatchObject({ snippet: 'edit file.ts first', matches: [{ start: 0, end: 4 }] });
    const { createdAt, updatedAt } = await client.sessions.get({ id: 's' });
    expect(createdAt <= (hit?.at ?? '') && (hit?.at ?? 'none') <= updatedAt).toBe(true);
  });

  it('says where in each snippet the words are', async () => {
    expect(await marked('CAFE naïve')).toEqual([['nai\u0308ve', 'CAFÉ']]);
    expect(await marked('苹果')).toEqual([['苹果']]);
    expect(await marked('pineapple')).toEqual([['pineapple']]);
    expect(await marked('entry150')).toEqual([['entry150']]);
    expect(await marked('"learn c++"')).toEqual([['learn C++']]);
  });
});
