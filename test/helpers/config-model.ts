import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts';
import type { Random } from './model-random.ts';

/** A write to a document. */
export type Call =
  | { op: 'put'; input: { value: Json; ifAbsent?: true } }
  | { op: 'patch'; input: { patch: JsonObject } }
  | { op: 'set'; input: { path: string; value?: Json } }
  | { op: 'revert'; input: { version: number } }
  | { op: 'delete'; input: object };

/** What a call makes of a document, undefined where there is none, or why it is refused. */
export type Effect = { value: Json | undefined } | { refused: string };

/** What a document is after each of its versions; the last is what it is now. */
export type History = readonly (Json | undefined)[];

const refused = (code: string): Effect => ({ refused: code });

/** What a right store does, in as few words as there are. */
export function effectOf({ op, input }: Call, history: History): Effect {
  const now = history.at(-1);
  if (op === 'put') return 'ifAbsent' in input && now !== undefined ? refused('exists') : { value: input.value };
  if (op === 'patch') return { value: patched(now, input.patch) };
  if (op === 'delete') return now === undefined ? refused('not_found') : { value: undefined };
  if (op === 'revert') {
    if (input.version > history.length) return refused('not_found');
    const then = history[input.version - 1];
    return then === undefined ? refused('invalid_input') : { value: then };
  }
  const names = input.path.split('/').slice(1);
  if (input.value === undefined) return now === undefined ? refused('not_found') : { value: without(now, names) };
  const value = written(now, names, input.value);
  return value === undefined ? refused('invalid_input') : { value };
}

function patched(now: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const next: JsonObject = isJsonObject(now) ? { ...now } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete next[name];
    else next[name] = patched(next[name], value);
  }
  return next;
}

function without(now: Json, [name = '', ...rest]: string[]): Json {
  if (!isJsonObject(now) || now[name] === undefined) return now;
  const { [name]: inside, ...others } = now;
  return rest.length === 0 ? others : { ...now, [name]: without(inside as Json, rest) };
}

function written(now: Json | undefined, [name, ...rest]: string[], value: Json): Json | undefined {
  if (name === undefined) return value;
  if (Array.isArray(now)) return name === '-' ? [...now, value] : undefined;
  if (now !== undefined && !isJsonObject(now)) return undefined;
  const inside = written(now?.[name], rest, value);
  return inside === undefined ? undefined : { ...now, [name]: inside };
}

const names = ['a', 'b', 'list'] as const;
const scalar = (random: Random): Json => random.pick<Json>([0, 1, 2, 'x', true, null]);
const value = (random: Random): Json => (random.chance(0.5) ? scalar(random) : { x: scalar(random), y: {} });
const fields = (random: Random): JsonObject => ({ list: [], [random.pick(names)]: value(random), b: { x: 1 } });

/** A call as people and programs make them. An append to the list shows when it happened twice. */
export function nextCall(random: Random): Call {
  const path = random.pick(['/list/-', '/list/-', '/a', '/b/x', '/b/y/z', '/a/x'] as const);
  return random.weighted<() => Call>([
    [() => ({ op: 'set', input: { path, value: random.upTo(999) } }), 8],
    [() => ({ op: 'set', input: { path: random.pick(['/a', '/b/x', '/b'] as const) } }), 1],
    [() => ({ op: 'patch', input: { patch: { [random.pick(['a', 'b'] as const)]: value(random) } } }), 3],
    [() => ({ op: 'put', input: { value: fields(random) } }), 1],
    [() => ({ op: 'put', input: { value: fields(random), ifAbsent: true } }), 1],
    [() => ({ op: 'revert', input: { version: 1 + random.upTo(20) } }), 1],
    [() => ({ op: 'delete', input: {} }), 0.5],
  ])();
}
