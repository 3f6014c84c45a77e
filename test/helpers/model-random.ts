import { hostile } from './hostile.ts';

/** Random numbers that a seed repeats (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** 0 to `most`. */
  upTo(most: number): number {
    return Math.floor(this.next() * (most + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(of: readonly [T, ...T[]]): T;
  pick<T>(of: readonly T[]): T | undefined;
  pick<T>(of: readonly T[]): T | undefined {
    return of[this.upTo(of.length - 1)];
  }

  /** `value`, so often; otherwise the field is left out. */
  maybe<Name extends string, Value>(share: number, name: Name, value: Value): { [N in Name]?: Value } {
    return this.chance(share) ? ({ [name]: value } as { [N in Name]: Value }) : {};
  }

  /** A choice by weight. */
  weighted<T>(weights: readonly (readonly [T, number])[]): T {
    let left = this.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    const found = weights.find(([, weight]) => (left -= weight) < 0) ?? weights.at(-1);
    if (!found) throw new Error('there is nothing to choose');
    return found[0];
  }

  /** The seed of another sequence. */
  seed(): number {
    return this.upTo(2 ** 32 - 1);
  }
}

const words = ['one', 'two words', 'Grüße', '日本', '👩🏽‍💻', 'x'] as const;
const values = hostile.map(([, value]) => value);

export const word = (random: Random): string => random.pick(words);
/** Anything that JSON holds. */
export const anything = (random: Random): unknown => (random.chance(0.3) ? random.pick(values) : random.upTo(9));

/** The fields of a message: mostly what conversations hold. */
export function fields(random: Random): object {
  const role = random.pick(['user', 'assistant', 'system', 'tool', 'user'] as const);
  if (random.chance(0.05)) return {};
  const text = word(random);
  return {
    ...random.maybe(0.9, 'role', role),
    ...random.maybe(0.9, 'content', random.chance(0.2) ? [{ type: 'text', text }] : text),
    ...random.maybe(0.3, 'extra', anything(random)),
    ...random.maybe(0.5, 'n', random.upTo(999)),
  };
}

export const document = (random: Random): object => ({
  ...random.maybe(0.6, 'a', anything(random)),
  ...random.maybe(0.4, 'b', { c: anything(random), ...random.maybe(0.3, 'd', null) }),
});
