/** What became of a number of writes. The lists name writes, for finding out why. */
export interface Tally {
  acknowledged: number;
  present: number;
  /** Acknowledged, and not there. */
  lost: string[];
  /** There more than once, acknowledged or not. */
  duplicated: string[];
}

/**
 * Compares what applications were told is saved with what is there. A write that is there without having been
 * acknowledged is neither good nor bad: its process was killed between the save and the report.
 */
export function tally(acknowledged: Iterable<string>, found: Iterable<string>): Tally {
  const times = new Map<string, number>();
  for (const write of found) times.set(write, (times.get(write) ?? 0) + 1);
  const told = new Set(acknowledged);
  const lost = [...told].filter((write) => !times.has(write));
  const duplicated = [...times].flatMap(([write, count]) => Array<string>(count - 1).fill(write));
  return { acknowledged: told.size, present: told.size - lost.length, lost, duplicated };
}

/** The tally of two kinds of writes together. */
export function sum(a: Tally, b: Tally): Tally {
  return {
    acknowledged: a.acknowledged + b.acknowledged,
    present: a.present + b.present,
    lost: [...a.lost, ...b.lost],
    duplicated: [...a.duplicated, ...b.duplicated],
  };
}
