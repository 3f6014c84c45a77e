import { formsOf, shortest, withoutForms, withoutTokens } from '../shared/redact.ts';

/** Secrets of the requests under way: how many requests have each, and how it may be quoted. */
const known = new Map<string, { requests: number; forms: string[] }>();
/** Those of requests that have just ended: the line of a request, and the reason why the daemon ends, come after it. */
const last: string[] = [];
const maxLast = 64;
/** The forms of all of them by their first characters: a batch may have thousands, and as many errors. */
let byStart: Map<string, string[]> | undefined;

/** Keeps these values out of log lines and errors until the function that it answers is called, and a little longer. */
export function protect(secrets: readonly string[]): () => void {
  byStart = undefined;
  for (const value of secrets) {
    const found = known.get(value) ?? { requests: 0, forms: formsOf(value) };
    known.set(value, { ...found, requests: found.requests + 1 });
  }
  return () => {
    byStart = undefined;
    for (const value of secrets) last.push(value);
    for (const value of last.splice(0, Math.max(0, last.length - maxLast))) {
      const found = known.get(value);
      if (found && found.requests > 1) known.set(value, { ...found, requests: found.requests - 1 });
      else known.delete(value);
    }
  };
}

/** A text without the secrets that are known now, and without what looks like one. */
export const redact = (text: string): string => withoutTokens(withoutForms(text, formsIn(text)));

/** The forms that may be in a text: those whose first characters are. */
function formsIn(text: string): string[] {
  byStart ??= Map.groupBy(
    [...known.values()].flatMap(({ forms }) => forms),
    (form) => form.slice(0, shortest),
  );
  // Few secrets, or a long text: each start is searched for; else each place of the text is looked up.
  if (byStart.size < text.length) return [...byStart].flatMap(([start, forms]) => (text.includes(start) ? forms : []));
  const starts = new Set(Array.from({ length: text.length }, (_, at) => text.slice(at, at + shortest)));
  return [...starts].flatMap((start) => byStart?.get(start) ?? []);
}

/** The same for every text in a plain value; errors and other objects of a class stay as they are. */
export function redactAll<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map(redactAll) as T;
  const plain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return plain ? (Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redactAll(one)])) as T) : value;
}
