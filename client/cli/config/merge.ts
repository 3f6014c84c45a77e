import { fieldOf, isSame } from '../../../shared/differences.ts';
import { isJsonObject, type Json } from '../../../shared/json.ts';
import { pointerTo } from '../../../shared/pointer.ts';

/** A value that was changed here and, differently, in the store. Undefined is a value that is not there. */
export interface Conflict {
  path: string;
  mine: Json | undefined;
  stored: Json | undefined;
}

/**
 * What was changed here since `base`, and what was changed in the store, together; an array is one value. Where both changed
 * the same, `mine` stands in the answer.
 */
export function merge(base: Json | undefined, mine: Json | undefined, stored: Json | undefined) {
  const conflicts: Conflict[] = [];
  return { merged: mergeAt([base, mine, stored], [], conflicts), conflicts };
}

type Three = [base: Json | undefined, mine: Json | undefined, stored: Json | undefined];

function mergeAt(three: Three, names: string[], conflicts: Conflict[]): Json | undefined {
  const [base, mine, stored] = three;
  if (isSame(mine, stored) || isSame(base, stored)) return mine;
  if (isSame(base, mine)) return stored;
  if (isJsonObject(mine) && isJsonObject(stored)) {
    const all = new Set([...Object.keys(mine), ...Object.keys(stored)]);
    const fields = [...all].flatMap((name): [string, Json][] => {
      const inside = three.map((value) => fieldOf(value, name)) as Three;
      const value = mergeAt(inside, [...names, name], conflicts);
      return value === undefined ? [] : [[name, value]];
    });
    return Object.fromEntries(fields);
  }
  conflicts.push({ path: pointerTo(names), mine, stored });
  return mine;
}
