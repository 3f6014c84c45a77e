import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf, walk } from '../helpers/pages.ts';

// A list says of each credential whether its secrets can be read, so it opens them, on the main thread: they count for the
// 4 MiB at which a page ends.

const names = Array.from({ length: 40 }, (_, n) => `p${String(n).padStart(2, '0')}`);

describe('a list of credentials', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** Stores all of them with tokens of so many characters, of 3 bytes each; answers the pages of the list. */
  const pagesOf = async (app: string, length: number) => {
    const token = (start: string) => start.padEnd(length, '中');
    const secrets = (name: string) => ({ accessToken: token(`a${name}`), refreshToken: token(`r${name}`) });
    await Promise.all(
      names.map((name) => client.auth.put({ app, profile: name, kind: 'oauth' as const, ...secrets(name) })),
    );
    const pages = await walk((cursor) => client.auth.list({ app, limit: 1000, ...cursor }));
    expect(itemsOf(pages).map(({ profile, credentials }) => [profile, credentials])).toEqual(
      names.map((name) => [name, 'ok']),
    );
    return pages.map(({ items }) => items.length);
  };

  it('ends a page at 4 MiB of sealed tokens, and has each credential once', async () => {
    const [first = 0, ...rest] = await pagesOf('large', 16_384);
    // One has two tokens of 16,384 characters, each of 4 bytes when it is sealed, and some bytes more.
    expect(first).toBe(31);
    expect(rest).toEqual([names.length - first]);
  });

  it('has small ones in one page', async () => expect(await pagesOf('small', 100)).toEqual([names.length]));
});
