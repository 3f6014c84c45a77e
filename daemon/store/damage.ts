import { HoldfastError } from '../../shared/errors.ts';

/** What a query throws when something it had to look at cannot be read at all: it cannot tell which row. */
export class Unreadable extends HoldfastError {
  constructor(options: { cause?: unknown } = {}) {
    super('damaged', 'The database is damaged where this record lies.', {}, options);
  }
}

/**
 * Reads what lies from `low` to `high`, around what cannot be read: one bad row must not hide the others. Halves the
 * range until it has found it, and says which number that was.
 */
export async function readAround<T>(
  low: number,
  high: number,
  read: (low: number, high: number) => Promise<T[]>,
  lost: (number: number) => void = () => undefined,
): Promise<T[]> {
  try {
    return await read(low, high);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    if (low === high) {
      lost(low);
      return [];
    }
    const middle = Math.floor((low + high) / 2);
    return [...(await readAround(low, middle, read, lost)), ...(await readAround(middle + 1, high, read, lost))];
  }
}
