const own = (value: object, key: string): unknown => Object.getOwnPropertyDescriptor(value, key)?.value;
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * Where two JSON values differ, as paths; empty when they are the same code unit for code unit, own `__proto__` keys,
 * the sign of zero and the order of keys included. toEqual overlooks some of these.
 */
export function differences(actual: unknown, expected: unknown, path = '$'): string[] {
  if (!isObject(actual) || !isObject(expected)) return Object.is(actual, expected) ? [] : [path];
  if (Array.isArray(actual) !== Array.isArray(expected)) return [path];
  const keys = Object.keys(expected);
  const names = Object.keys(actual);
  if (keys.length !== names.length || keys.some((key, index) => key !== names[index])) {
    return [`${path} has keys ${JSON.stringify(names)} not ${JSON.stringify(keys)}`];
  }
  return keys.flatMap((key) => differences(own(actual, key), own(expected, key), `${path}.${key}`));
}
