import { describe, expect, it } from 'vitest';
import { merge } from '../../client/cli/config/merge.ts';
import { differences, isSame } from '../../shared/differences.ts';
import type { Json } from '../../shared/json.ts';
import { withValueAt } from '../../shared/pointer.ts';
import { document, Random } from '../helpers/model-random.ts';

/** Two documents and one that both were made from. */
const random = new Random(7);
const triples = Array.from({ length: 300 }, () => [1, 2, 3].map(() => document(random)) as [Json, Json, Json]);

const within = (path: string, outer: string) => path === outer || path.startsWith(`${outer}/`);
const pathsOf = (before: Json, after: Json | undefined) => differences(before, after).map(({ path }) => path);

describe('a three-way merge', () => {
  const base = { a: 1, b: { c: 1, d: 1 }, list: [1, 2] };

  it('takes what either side changed', () => {
    const mine = { a: 2, b: { c: 1 }, list: [1, 2], mine: { x: 1 } };
    const stored = { a: 1, b: { c: 2, d: 1 }, list: [1, 2, 3], stored: null };
    expect(merge(base, mine, stored)).toEqual({
      merged: { a: 2, b: { c: 2 }, list: [1, 2, 3], mine: { x: 1 }, stored: null },
      conflicts: [],
    });
  });

  it('tells by path what both changed, and has mine', () => {
    const mine = { a: 2, b: { c: 1, d: 5 }, list: [1] };
    const stored = { a: 3, b: 'text', list: [2] };
    expect(merge(base, mine, stored)).toEqual({
      merged: mine,
      conflicts: [
        { path: '/a', mine: 2, stored: 3 },
        { path: '/b', mine: { c: 1, d: 5 }, stored: 'text' },
        { path: '/list', mine: [1], stored: [2] },
      ],
    });
    expect(merge(base, { ...base, a: 2 }, undefined).conflicts).toEqual([
      { path: '', mine: { ...base, a: 2 }, stored: undefined },
    ]);
    expect(merge({ a: 1 }, {}, { a: 2 }).conflicts).toEqual([{ path: '/a', mine: undefined, stored: 2 }]);
  });

  it('is what was stored when nothing was changed, and mine when nothing else was', () => {
    for (const [one, two] of triples) {
      expect(isSame(merge(one, one, two).merged, two)).toBe(true);
      expect(isSame(merge(one, two, one).merged, two)).toBe(true);
      expect(merge(one, two, two)).toMatchObject({ conflicts: [] });
    }
  });

  it('loses no change of either side but those in conflict', () => {
    let conflicting = 0;
    for (const [one, two, three] of triples) {
      const { merged, conflicts } = merge(one, two, three);
      conflicting += conflicts.length;
      for (const [side, other] of [
        [two, three],
        [three, two],
      ] as const) {
        // What this side changed and the merge has not, must be what the other side changed there, or a conflict.
        const explained = [...pathsOf(one, other), ...conflicts.map(({ path }) => path)];
        const changed = pathsOf(one, side);
        const missing = pathsOf(side, merged).filter((path) => changed.some((each) => within(path, each)));
        expect(missing.filter((path) => !explained.some((each) => within(path, each)))).toEqual([]);
      }
    }
    expect(conflicting).toBeGreaterThan(20);
  });
});

it('applied one by one, differences make the one value the other', () => {
  for (const [one, two] of triples) {
    let made: Json | undefined = one;
    for (const { path, after } of differences(one, two)) made = withValueAt(made, path, after);
    expect(isSame(made, two)).toBe(true);
    expect(isSame(one, two)).toBe(differences(one, two).length === 0);
  }
});
