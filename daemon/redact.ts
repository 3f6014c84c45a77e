import { redacted, withoutTokens } from '../shared/redact.ts';

/** Shorter ones are in every text. */
const shortest = 4;
/** Secrets of the requests under way, and how many requests have each. */
const known = new Map<string, number>();

/** Keeps these values out of every log line and answer of an error, until the function that it answers is called. */
export function protect(secrets: readonly string[]): () => void {
  const values = secrets.filter((secret) => secret.length >= shortest);
  for (const value of values) known.set(value, (known.get(value) ?? 0) + 1);
  return () => {
    for (const value of values) {
      const left = (known.get(value) ?? 1) - 1;
      if (left > 0) known.set(value, left);
      else known.delete(value);
    }
  };
}

/** A text without the secrets that are known now, and without what looks like one. */
export function redact(text: string): string {
  let clean = text;
  for (const value of known.keys())
    clean = clean.replaceAll(value, redacted).replaceAll(encodeURIComponent(value.toWellFormed()), redacted);
  return withoutTokens(clean);
}

/** The same for every text in a plain value; errors and other objects of a class stay as they are. */
export function redactAll<T>(value: T): T {
  if (typeof value === 'string') return redact(value) as T;
  if (Array.isArray(value)) return value.map(redactAll) as T;
  const plain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return plain ? (Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redactAll(one)])) as T) : value;
}
