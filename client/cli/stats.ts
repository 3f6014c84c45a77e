import { lstatSync, statSync, type Stats } from 'node:fs';

/** What lies there; undefined where nothing does, or where it cannot be looked at (below a file, in a closed directory). */
export const statsOf = (path: string): Stats | undefined =>
  unlessHidden(() => statSync(path, { throwIfNoEntry: false }));
/** The same of a link itself. */
export const linkStatsOf = (path: string): Stats | undefined =>
  unlessHidden(() => lstatSync(path, { throwIfNoEntry: false }));

function unlessHidden(look: () => Stats | undefined): Stats | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
