import type { Tx } from './tx.ts';

// What each application keeps, for the metrics: the daemon's own reads, made on the reader thread.

export interface AppSize {
  app: string;
  /** Sessions that are not deleted. */
  sessions: number;
  /** Messages that are kept, those of deleted sessions and of earlier generations too. */
  messages: number;
  /** Of the content of these messages. */
  bytes: number;
}

/** Rows of the log that one step looks at: a snapshot of some milliseconds. */
const rows = 20_000;

/** The messages in the next rows after a position, and where they end; undefined when there were no more. */
export async function messages(tx: Tx, { after }: { after: number }) {
  const [[last] = []] = await tx.query(
    'SELECT max(position) FROM (SELECT position FROM log WHERE position > ? ORDER BY position LIMIT ?)',
    after,
    rows,
  );
  const found = await tx.query(
    `SELECT app, count(*), sum(octet_length(content)) FROM log
     WHERE position > ? AND position <= ? AND branch IS NOT NULL GROUP BY app`,
    after,
    last ?? after,
  );
  const apps = found.map(([app, count, bytes]) => ({
    app: String(app),
    messages: Number(count),
    bytes: Number(bytes),
  }));
  return { apps, next: typeof last === 'number' ? last : null };
}

/** How many sessions each application has. */
export async function sessions(tx: Tx): Promise<{ app: string; sessions: number }[]> {
  const found = await tx.query('SELECT app, count(*) FROM session WHERE deleted_at IS NULL GROUP BY app');
  return found.map(([app, count]) => ({ app: String(app), sessions: Number(count) }));
}

/** How far the search index has come. */
export const index = (tx: Tx): Promise<{ indexedTo: number }> => tx.searchState();
