import { invalidField } from './errors.ts';
import { isJsonObject, type Json } from './json.ts';

// JSON pointers (RFC 6901): '/plugins/news/enabled' names one value of a document, '' the whole of it.

export const isPointer = (text: string): boolean => /^(?:\/(?:[^/~]|~[01])*)*$/.test(text);

/** The names on the way to a value, outermost first. */
export const namesOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

export const pointerTo = (names: readonly string[]): string =>
  names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const indexOf = (name: string) => (/^(?:0|[1-9]\d{0,9})$/.test(name) ? Number(name) : undefined);

/** The value that a pointer names; undefined where there is none. */
export function valueAt(document: Json, pointer: string): Json | undefined {
  let value: Json | undefined = document;
  for (const name of namesOf(pointer)) {
    if (Array.isArray(value)) value = value[indexOf(name) ?? -1];
    else value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

/**
 * The document with another value there, or without it where `value` is undefined. Objects that are missing on the way are
 * made; `-` is the place after the last element of an array. What is neither is not replaced by the way: 400 names it.
 */
export function withValueAt(document: Json | undefined, pointer: string, value: Json | undefined): Json | undefined {
  if (value === undefined && (document === undefined || valueAt(document, pointer) === undefined)) return document;
  return written(document, namesOf(pointer), 0, value);
}

function written(target: Json | undefined, names: string[], depth: number, value: Json | undefined): Json | undefined {
  const name = names[depth];
  if (name === undefined) return value;
  const here = () => `'${pointerTo(names.slice(0, depth))}'`;
  if (Array.isArray(target)) {
    const index = name === '-' ? target.length : indexOf(name);
    if (index === undefined || index > target.length) {
      throw invalidField('path', `names no element of the array ${here()}, which has ${target.length}: '-' appends`);
    }
    const element = written(target[index], names, depth + 1, value);
    return element === undefined ? target.toSpliced(index, 1) : target.toSpliced(index, 1, element);
  }
  if (target !== undefined && !isJsonObject(target)) {
    throw invalidField('path', `goes through ${here()}, which is neither an object nor an array: set that first`);
  }
  // Entries, not assignment: a key named `__proto__` is data.
  const entries = new Map(Object.entries(target ?? {}));
  const child = written(entries.get(name), names, depth + 1, value);
  if (child === undefined) entries.delete(name);
  else entries.set(name, child);
  return Object.fromEntries(entries);
}
