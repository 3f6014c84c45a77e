import { forIndex } from '../resources/search/text.ts';
import type { SearchQuery } from '../tx.ts';

// `facet` words: hexadecimal, so that each is one word whatever the name holds.
const hex = (text: string) => Buffer.from(text).toString('hex');
export const appFacet = (app: string) => `a${hex(app)}`;
export const branchFacet = (branch: number) => `b${branch}`;
export const roleFacet = (role: string) => `r${hex(role)}`;

/**
 * The words alone, and with what the message must be of, in FTS5's language (https://sqlite.org/fts5.html#full_text_query_syntax):
 * everything of the user's is quoted.
 */
export function expressions({ phrases, app, role, branches }: SearchQuery): [string, string] {
  const text = phrases.map((phrase) => `"${forIndex(phrase).replaceAll('"', '""')}"`).join(' AND ');
  const facets = [
    ...(branches === undefined
      ? app === undefined
        ? []
        : [appFacet(app)]
      : [`(${branches.map(branchFacet).join(' OR ')})`]),
    ...(role === undefined ? [] : [roleFacet(role)]),
  ];
  const words = `text : (${text})`;
  return [words, facets.length === 0 ? words : `${words} AND facet : (${facets.join(' AND ')})`];
}
