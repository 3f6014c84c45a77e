import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../../shared/errors.ts';
import type { Json } from '../../../shared/json.ts';
import { log, type LogRow } from '../log.ts';
import { forIndex, textOf } from '../resources/search/text.ts';
import { Damaged, type SearchMatches, type SearchQuery, type Tx } from '../tx.ts';
import { sqlite, sqliteCode } from './connection.ts';
import { openSearchFile, removeSearchFile } from './search-file.ts';
import { appFacet, branchFacet, expressions, roleFacet } from './search-query.ts';
import { hasMessage, nextSlice } from './search-source.ts';
import { SqliteTx } from './transaction.ts';

/** Matches beyond which weighing them would cost more than it tells: then the newest come first. */
const mostWeighed = 10_000;
/** A missing table is an error of SQL; what is damaged says so. */
const damages = new Set([sqlite.error, sqlite.corrupt, sqlite.notADatabase]);
/** Rankings that are remembered for their next pages. */
const mostWalks = 32;
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
  /** What weighs how much changes with every message: a walk goes on in the order it began with. */
  readonly #walks = new Map<string, number[]>();
  /** Set when the file turned out to be damaged: closing it then deletes it. */
  broken = false;

  /** Told when the file is made anew, or was removed to be. */
  readonly #rebuilt: () => void;

  /** `head` is the position of the newest change in the log: an index that knows more belongs to another store. */
  constructor(path: string, epoch: string, head: number, rebuilt: () => void) {
    this.#path = path;
    this.#rebuilt = rebuilt;
    this.#db = openSearchFile(path, epoch, head, rebuilt);
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
      const code = sqliteCode(error) ?? (error instanceof Error ? sqliteCode(error.cause) : undefined);
      // What FTS5 says of a query is no damage, and must not cost the index.
      const ofQuery = error instanceof Error && error.message.startsWith('fts5: ');
      if (code === undefined || !damages.has(code) || (ofQuery && code === sqlite.error)) throw error;
      this.broken = true;
      const detail = 'The search index was damaged and is made anew from the messages: search again.';
      throw new HoldfastError('busy', detail, { retryAfter: 1 }, { cause: error });
    }
  }

  async #feed(source: Tx): Promise<boolean> {
    const { rows, to, all } = await nextSlice(source, this.indexedTo);
    if (to === this.indexedTo) return true;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      // A damaged row is told wherever it is read; what it says is not to be found.
      for (const row of rows) await this.#take(source, row);
      const last = rows.at(-1);
      const anchor = last?.position === to ? anchorOf(last) : '';
      await this.#tx.query('UPDATE state SET indexed_to = ?, anchor = ?', to, anchor);
      this.#db.exec('COMMIT');
    } finally {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
    this.indexedTo = to;
    return all;
  }

  /** Whether the log still is the one that was indexed: an older copy of it may have grown on in another way. */
  async follows(source: Tx): Promise<boolean> {
    const [[anchor] = []] = await this.#tx.query('SELECT anchor FROM state');
    const [row] = await source.select(log, 'WHERE position = ?', this.indexedTo);
    if (anchor === '' || !row || row instanceof Damaged || anchor === anchorOf(row)) return true;
    // What is left of a message that was removed: see removeMessage in resources/sessions/sweep.ts.
    return row.kind === 'replay' && anchor === anchorOf({ ...row, kind: 'message' });
  }

  async #take(source: Tx, row: LogRow): Promise<void> {
    if (row.kind === 'branch') await this.#forget(source, Number(row.id));
    if (row.branch === null) return;
    // Always three: they count as words of the message where it is weighed.
    const facet = [appFacet(row.app), branchFacet(row.branch), row.role === null ? 'n' : roleFacet(row.role)];
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
      if (!(await hasMessage(source, Number(position))))
        await this.#tx.query('DELETE FROM message WHERE rowid = ?', Number(position));
    }
  }

  async #search(query: SearchQuery, skip: number, limit: number): Promise<SearchMatches> {
    if (query.branches?.length === 0) return { order: 'relevance', positions: [] };
    const walk = JSON.stringify(query);
    const known = skip > 0 ? this.#walks.get(walk) : undefined;
    if (known) return { order: 'relevance', positions: known.slice(skip, skip + limit) };
    const [low, high] = await this.#range(query);
    const [words, match] = expressions(query);
    const among = 'FROM message WHERE message MATCH ? AND rowid BETWEEN ? AND ?';
    const newest = `SELECT rowid ${among} ORDER BY rowid DESC LIMIT ? OFFSET ?`;
    const weighed = (await this.#tx.query(newest, match, low, high, mostWeighed + 1, 0)).map(([position]) =>
      Number(position),
    );
    if (weighed.length > mostWeighed) {
      const rows = await this.#tx.query(newest, match, low, high, limit, skip);
      return { order: 'recency', positions: rows.map(([position]) => Number(position)) };
    }
    // bm25 counts every message of each word it is given, so it is given no word that all messages of an application have.
    const rows = await this.#tx.query(
      `SELECT rowid ${among} AND +rowid IN (SELECT value FROM json_each(?)) ORDER BY bm25(message, 1.0, 0.0), rowid DESC`,
      query.branches ? match : words,
      weighed.at(-1) ?? 1,
      weighed[0] ?? 0,
      JSON.stringify(weighed),
    );
    const ranked = rows.map(([position]) => Number(position));
    this.#walks.delete(walk);
    this.#walks.set(walk, ranked);
    for (const oldest of this.#walks.keys()) if (this.#walks.size > mostWalks) this.#walks.delete(oldest);
    return { order: 'relevance', positions: ranked.slice(skip, skip + limit) };
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
    if (!this.broken) return;
    removeSearchFile(this.#path);
    this.#rebuilt();
  }
}

/** What tells a row of the log from any other at its position. */
const anchorOf = ({ at, kind, id }: LogRow) => `${at} ${kind} ${id}`;
