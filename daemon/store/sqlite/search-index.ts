import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../../shared/errors.ts';
import type { Json } from '../../../shared/json.ts';
import { log, type LogRow } from '../log.ts';
import { forIndex, textOf } from '../resources/search/text.ts';
import { Damaged, type SearchMatches, type SearchQuery, type Tx } from '../tx.ts';
import { sqlite, sqliteCode } from './connection.ts';
import { openSearchFile, removeSearchFile } from './search-file.ts';
import { SqliteTx } from './transaction.ts';

/** What a slice of indexing takes at most: rows of the log, and bytes of their content. */
const slice = { rows: 500, bytes: 4 * 1024 * 1024 };
/** Matches beyond which weighing them would cost more than it tells: then the newest come first. */
const mostWeighed = 10_000;
/** A missing table is an error of SQL; what is damaged says so. */
const damages = new Set([sqlite.error, sqlite.corrupt, sqlite.notADatabase]);
const dayMs = 24 * 3_600_000;

/**
 * The search index, in a file of its own that is always behind the log and says how far. Invariant: its rows and how
 * far it has come change in one transaction, so it is an index of a prefix of the log, whenever the process dies. It is
 * derived: whatever is wrong with the file, it is deleted and made anew.
 *
 * It holds no text, only words. `facet` holds words of ours: the application, the branch and the role of a message.
 */
export class SearchIndex {
  readonly #db: DatabaseSync;
  readonly #tx: SqliteTx;
  readonly #path: string;
  indexedTo: number;
  /** Set when the file turned out to be damaged: closing it then deletes it. */
  broken = false;

  /** `head` is the position of the newest change in the log: an index that knows more belongs to another store. */
  constructor(path: string, epoch: string, head: number) {
    this.#path = path;
    this.#db = openSearchFile(path, epoch, head);
    this.#tx = new SqliteTx(this.#db);
    this.indexedTo = Number(this.#db.prepare('SELECT indexed_to FROM state').get()?.['indexed_to']);
  }

  /** Indexes the next slice of the log; answers whether it was all there is. `source` reads the log. */
  feed(source: Tx): Promise<boolean> {
    return this.#guarded(() => this.#feed(source));
  }

  search(query: SearchQuery, skip: number, limit: number): Promise<SearchMatches> {
    return this.#guarded(() => this.#search(query, skip, limit));
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = sqliteCode(error);
      if (code === undefined || !damages.has(code)) throw error;
      this.broken = true;
      const detail = 'The search index was damaged and is made anew from the messages: search again.';
      throw new HoldfastError('busy', detail, { retryAfter: 1 }, { cause: error });
    }
  }

  async #feed(source: Tx): Promise<boolean> {
    const sizes = await source.query(
      'SELECT position, octet_length(content) FROM log WHERE position > ? ORDER BY position LIMIT ?',
      this.indexedTo,
      slice.rows,
    );
    let bytes = 0;
    const over = sizes.findIndex(([, size], index) => (bytes += Number(size)) > slice.bytes && index > 0);
    const taken = over === -1 ? sizes : sizes.slice(0, over);
    const last = taken.at(-1);
    if (!last) return true;
    const to = Number(last[0]);
    const rows = await source.select(log, 'WHERE position > ? AND position <= ?', this.indexedTo, to);
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      // A damaged row is told wherever it is read; what it says is not to be found.
      for (const row of rows) if (!(row instanceof Damaged)) await this.#take(source, row);
      await this.#tx.query('UPDATE state SET indexed_to = ?', to);
      this.#db.exec('COMMIT');
    } finally {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
    this.indexedTo = to;
    return over === -1 && sizes.length < slice.rows;
  }

  async #take(source: Tx, row: LogRow): Promise<void> {
    if (row.kind === 'branch') await this.#forget(source, Number(row.id));
    if (row.branch === null) return;
    const facet = [appFacet(row.app), branchFacet(row.branch), ...(row.role === null ? [] : [roleFacet(row.role)])];
    const text = forIndex(textOf(JSON.parse(row.content ?? '{}') as Json));
    await this.#tx.query(
      'INSERT INTO message (rowid, text, facet) VALUES (?, ?, ?)',
      row.position,
      text,
      facet.join(' '),
    );
    await this.#tx.query(
      `INSERT INTO day VALUES (?, ?, ?)
       ON CONFLICT (day) DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)`,
      Math.floor(row.at / dayMs),
      row.position,
      row.position,
    );
  }

  /** Drops the messages of a branch that the log no longer has. */
  async #forget(source: Tx, branch: number): Promise<void> {
    const known = await this.#tx.query(
      'SELECT rowid FROM message WHERE message MATCH ?',
      `facet : ${branchFacet(branch)}`,
    );
    for (const [position] of known) {
      const [row] = await source.query('SELECT 1 FROM log WHERE position = ? AND branch IS NOT NULL', Number(position));
      if (!row) await this.#tx.query('DELETE FROM message WHERE rowid = ?', Number(position));
    }
  }

  async #search(query: SearchQuery, skip: number, limit: number): Promise<SearchMatches> {
    if (query.branches?.length === 0) return { order: 'relevance', positions: [] };
    const match = expression(query);
    const [low, high] = await this.#range(query);
    const where = 'FROM message WHERE message MATCH ? AND rowid BETWEEN ? AND ?';
    const few = `SELECT count(*) FROM (SELECT 1 ${where} LIMIT ?)`;
    const [[count] = []] = await this.#tx.query(few, match, low, high, mostWeighed + 1);
    const order = Number(count) > mostWeighed ? 'recency' : 'relevance';
    const by = order === 'recency' ? 'rowid DESC' : 'bm25(message, 1.0, 0.0), rowid DESC';
    const rows = await this.#tx.query(
      `SELECT rowid ${where} ORDER BY ${by} LIMIT ? OFFSET ?`,
      match,
      low,
      high,
      limit,
      skip,
    );
    return { order, positions: rows.map(([position]) => Number(position)) };
  }

  /** Positions among which every message of the wanted days is, whatever the clock did. */
  async #range({ after, before, upTo }: SearchQuery): Promise<[number, number]> {
    if (after === undefined && before === undefined) return [0, upTo];
    const [[low, high] = []] = await this.#tx.query(
      'SELECT min(low), max(high) FROM day WHERE day BETWEEN ? AND ?',
      after === undefined ? 0 : Math.floor(after / dayMs),
      before === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(before / dayMs),
    );
    return typeof low === 'number' ? [low, Math.min(Number(high), upTo)] : [1, 0];
  }

  close(): void {
    this.#db.close();
    if (this.broken) removeSearchFile(this.#path);
  }
}

const hex = (text: string) => Buffer.from(text).toString('hex');
const appFacet = (app: string) => `a${hex(app)}`;
const branchFacet = (branch: number) => `b${branch}`;
const roleFacet = (role: string) => `r${hex(role)}`;

/** The query in FTS5's language (https://sqlite.org/fts5.html#full_text_query_syntax): everything of the user's is quoted. */
function expression({ phrases, app, role, branches }: SearchQuery): string {
  const text = phrases.map((phrase) => `"${forIndex(phrase).replaceAll('"', '""')}"`).join(' AND ');
  const facets = [
    ...(branches === undefined
      ? app === undefined
        ? []
        : [appFacet(app)]
      : [`(${branches.map(branchFacet).join(' OR ')})`]),
    ...(role === undefined ? [] : [roleFacet(role)]),
  ];
  return `text : (${text})${facets.length === 0 ? '' : ` AND facet : (${facets.join(' AND ')})`}`;
}
