import type { Conflict } from './merge.ts';

const json = (value: unknown) => JSON.stringify(value);

/** A line for each value that differs: + is new, - is gone, ~ is another one. */
export const changeLines = (changes: { path: string; before?: unknown; after?: unknown }[]): string[] =>
  changes.map(({ path, before, after }) => {
    const sign = before === undefined ? '+' : after === undefined ? '-' : '~';
    const values = [before, after].filter((value) => value !== undefined).map(json);
    return `${sign} ${path || '(all)'}  ${values.join(' -> ')}`;
  });

const longest = 200;
const short = (value: unknown) => {
  const text = value === undefined ? 'removed' : json(value);
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
};

/** A line for each value that was changed here and in the store. */
export const conflictLines = (conflicts: Conflict[]): string[] =>
  conflicts.map(
    ({ path, mine, stored }) => `conflict at ${path || '(all)'}: here ${short(mine)}, stored ${short(stored)}`,
  );
