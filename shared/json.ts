import * as z from 'zod';

/** Application JSON nests at most this deep. */
export const maxDepth = 200;
/** A stored JSON document (metadata, a merge patch) has at most this many characters as text. */
export const maxDocument = 1024 * 1024;

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** Depth of a parsed JSON value: 0 for a scalar. Iterative, so that no input exhausts the stack. */
export function depthOf(value: unknown): number {
  let depth = 0;
  let level: object[] = typeof value === 'object' && value !== null ? [value] : [];
  while (level.length > 0) {
    depth += 1;
    if (depth > maxDepth) return depth;
    const next: object[] = [];
    for (const parent of level) {
      for (const child of Object.values(parent)) {
        if (typeof child === 'object' && child !== null) next.push(child as object);
      }
    }
    level = next;
  }
  return depth;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Any JSON object of the application. It passes through as parsed, never rebuilt: zod's own object and record types
 * drop `__proto__` without a word, and copying such values by spread or assignment would too. Callers may give any
 * object: their interfaces have no index signature.
 */
export const jsonObject = (): z.ZodType<JsonObject, object> =>
  z
    .custom<JsonObject>(isJsonObject, { error: 'must be a JSON object', abort: true })
    .refine((value) => depthOf(value) <= maxDepth, {
      error: `must not nest deeper than ${maxDepth} levels`,
      abort: true,
    })
    .meta({ type: 'object' });

/** A JSON object kept in one record: bounded in size. */
export const jsonDocument = () =>
  jsonObject().refine((value) => JSON.stringify(value).length <= maxDocument, {
    error: `must not exceed ${maxDocument} characters as JSON`,
  });

/** RFC 7396 merge patch. Entries, not assignment: a key named `__proto__` is data. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map<string, Json>(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
