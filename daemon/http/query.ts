/** Set on a query that is not valid percent-encoded UTF-8: the router cannot refuse it, the input reader does. */
export const malformed = Symbol('malformed');

export type Query = Record<string, string | string[]> & { [malformed]?: true };

/** Reads a query string; a repeated name becomes an array. Unlike the usual readers it guesses at nothing. */
export function parseQuery(text: string): Query {
  const query = Object.create(null) as Query;
  try {
    for (const part of text.split('&').filter(Boolean)) {
      const [name = '', ...value] = part.replaceAll('+', ' ').split('=');
      const [key, decoded] = [decodeURIComponent(name), decodeURIComponent(value.join('='))];
      const before = query[key];
      // Not copied: one name may be repeated thousands of times.
      if (Array.isArray(before)) before.push(decoded);
      else query[key] = before === undefined ? decoded : [before, decoded];
    }
  } catch {
    query[malformed] = true;
  }
  return query;
}
