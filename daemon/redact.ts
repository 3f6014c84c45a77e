import { formsOf, withoutForms, withoutTokens } from '../shared/redact.ts';

/** Secrets of the requests under way: how many requests have each, and how it may be quoted. */
const known = new Map<string, { requests: number; forms: string[] }>();
/** Those of requests that have just ended: the line of a request, and the reason why the daemon ends, come after it. */
const last: string[] = [];
const maxLast = 64;

/** Keeps these values out of log lines and errors until the function that it answers is called, and a little longer. */
export function protect(secrets: readonly string[]): () => void {
  for (const value of secrets) {
    const found = known.get(value) ?? { requests: 0, forms: formsOf(value) };
    known.set(value, { ...found, requests: found.requests + 1 });
  }
  return () => {
    for (const value of secrets) last.push(value);
    for (const value of last.splice(0, Math.max(0, last.length - maxLast))) {
      const found = known.get(value);
      if (found && found.requests > 1) known.set(value, { ...found, requests: found.requests - 1 });
      else known.delete(value);
    }
  };
}

/** A text without the secrets that are known now, and without what looks like one. */
export const redact = (text: string): string =>
  withoutTokens(
    withoutForms(
      text,
      [...known.values()].flatMap(({ forms }) => forms),
    ),
  );

/** The same for every text in a plain value; errors and other objects of a class stay as they are. */
export function redactAll<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map(redactAll) as T;
  const plain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return plain ? (Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redactAll(one)])) as T) : value;
}
