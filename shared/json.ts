// No zod here: the writer thread imports this, and starts sooner without.

/** Application JSON nests at most this deep. */
export const maxDepth = 200;
/** A stored JSON document (metadata, a merge patch) has at most this many characters as text. */
export const maxDocument = 1024 * 1024;

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/**
 * What keeps a parsed JSON value from being stored as it is; undefined when nothing does. Iterative, so that no
 * input exhausts the stack. JSON.parse makes Infinity of 1e400, which JSON cannot write back.
 */
export function flawOf(value: unknown): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const each of level) {
      if (typeof each === 'number' && !Number.isFinite(each)) return 'must not hold a number beyond an IEEE double';
      if (typeof each !== 'object' || each === null) continue;
      if (depth === maxDepth) return `must not nest deeper than ${maxDepth} levels`;
      for (const child of Object.values(each)) next.push(child);
    }
    level = next;
  }
  return undefined;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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
