import type { Operation } from '../shared/operation.ts';
import { formsOf, withoutForms, withoutTokens } from '../shared/redact.ts';
import { secretMapper, type SecretMapper } from '../shared/secret.ts';

/** What debug output shows in the place of a secret. */
const shown = '[secret]';
const custom = Symbol.for('nodejs.util.inspect.custom');
type Fields = Record<string, unknown>;
type Inspect = (value: unknown, options: object) => string;

/**
 * Keeps secrets of an object out of debug output. Reading a field, JSON and spread give them as before: whoever asks
 * for a secret gets it. The object is changed and answered.
 */
export function conceal<T extends object>(value: T, secrets: readonly string[]): T {
  for (const name of secrets) {
    // console.dir does not ask the object how to show it, but it never calls an accessor.
    let secret = (value as Fields)[name];
    const set = (given: unknown) => (secret = given);
    Object.defineProperty(value, name, { enumerable: true, configurable: true, get: () => secret, set });
  }
  return Object.defineProperty(value, custom, {
    configurable: true,
    value(this: Fields, _depth: number, options: object, inspect: Inspect) {
      const hidden = secrets.filter((name) => this[name] !== undefined).map((name) => [name, shown]);
      return inspect({ ...this, ...Object.fromEntries(hidden) }, options);
    },
  });
}

const mappers = new WeakMap<Operation, SecretMapper>();

/** The same for the answer of an operation, by its descriptor: in every object of it that holds a secret. */
export function concealAnswer(operation: Operation, answer: unknown): unknown {
  if (!operation.secret) return answer;
  const mapper = mappers.get(operation) ?? secretMapper(operation.output, 'output') ?? ((value) => value);
  mappers.set(operation, mapper);
  concealChanged(
    answer,
    mapper(answer, () => shown),
  );
  return answer;
}

function concealChanged(value: unknown, mapped: unknown): void {
  if (!isFields(value) || !isFields(mapped)) return;
  for (const [name, field] of Object.entries(value)) concealChanged(field, mapped[name]);
  const secrets = Object.keys(value).filter((name) => typeof value[name] === 'string' && value[name] !== mapped[name]);
  if (secrets.length > 0) conceal(value, secrets);
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** What an error says, for the daemon to keep, without these secrets: it is cut only then, for a part of one nobody would know. */
export function openReason(error: unknown, secrets: readonly unknown[]): string {
  const forms = secrets.flatMap((secret) => (typeof secret === 'string' ? formsOf(secret) : []));
  const open = withoutTokens(withoutForms(messageOf(error), forms));
  return open.replaceAll('\0', '').slice(0, 2000).toWellFormed();
}

function messageOf(error: unknown): string {
  try {
    const { message = String(error) } = (error ?? {}) as Record<'message', unknown>;
    return String(message);
  } catch {
    // Of an object without a prototype, String() makes none.
    return 'an error that is no text';
  }
}
