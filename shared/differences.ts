import { isJsonObject, type Json } from './json.ts';
import { pointerTo } from './pointer.ts';

/** A value that differs: its JSON pointer, and what it was and is; absent where it was not there, or is not any more. */
export interface Difference {
  path: string;
  before?: Json;
  after?: Json;
}

/** Whether two values are the same; the order of the keys of an object does not count. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, at) => isSame(each, b[at]));
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]))
  );
}

/** The own value of an object: `__proto__` may be a name like others. */
export const fieldOf = (value: Json | undefined, name: string): Json | undefined =>
  isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** What differs, as far inside as objects are objects in both; an array is one value. */
export function differences(
  before: Json | undefined,
  after: Json | undefined,
  names: readonly string[] = [],
): Difference[] {
  if (isSame(before, after)) return [];
  if (isJsonObject(before) && isJsonObject(after)) {
    const all = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...all].flatMap((name) => differences(fieldOf(before, name), fieldOf(after, name), [...names, name]));
  }
  return [{ path: pointerTo(names), ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
}
