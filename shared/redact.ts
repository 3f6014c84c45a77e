/** What stands in the place of a secret. */
export const redacted = '[redacted]';

/**
 * Texts that look like credentials, whoever wrote them: bearer and basic headers (RFC 6750, RFC 7617), JSON web tokens
 * (RFC 7519), keys with a well-known prefix, user and password of a URL.
 */
const shapes: [RegExp, string][] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  // Looked for only in a run of such characters that a dot ends, from its beginning: a run may hold thousands of '-eyJ'.
  [/(?<![\w-])(?=[\w-]{11,}\.[\w-])([\w-]*?\b)eyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, `$1${redacted}`],
  [/\b(sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|AKIA|AIza|ya29)[-_.]?[\w.-]{16,}/g, redacted],
  [/:\/\/[^\s/@:"']+:[^\s/@"']+@/g, `://${redacted}@`],
];

/** Characters of the longest text that is looked through: a regular expression needs memory for each, and ends with a RangeError. */
const longest = 1_000_000;

/**
 * The text without what looks like a credential: the last net, for texts whose secrets nobody has named. A text that nobody
 * can read, for its length, goes whole.
 */
export const withoutTokens = (text: string): string =>
  text.length > longest ? redacted : shapes.reduce((clean, [shape, put]) => clean.replaceAll(shape, put), text);

/** Shorter ones are in every text. */
export const shortest = 4;

/** The forms in which a message, a URL, a form or JSON quotes a secret; none of one that is too short to be told from words. */
export function formsOf(secret: string): string[] {
  if (secret.length < shortest) return [];
  const json = JSON.stringify(secret).slice(1, -1);
  const form = new URLSearchParams([['', secret]]).toString().slice(1);
  return [
    ...new Set([secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret.toWellFormed()), form]),
  ];
}

/** The text without these forms of secrets, the longest first: a secret may begin with another one. */
export const withoutForms = (text: string, forms: readonly string[]): string =>
  forms
    .toSorted((a, b) => b.length - a.length)
    .reduce((clean, form) => (clean.includes(form) ? clean.replaceAll(form, redacted) : clean), text);
