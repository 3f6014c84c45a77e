/** What a column holds. Times are integer milliseconds, JSON is text: any SQL engine has these. */
export type Value = string | number | null;

/** A table as the checksum helper knows it: every column, in order, the primary key first. */
export interface Table<R> {
  readonly name: string;
  readonly key: readonly (keyof R & string)[];
  readonly columns: readonly (keyof R & string)[];
}

/** Declares a table whose rows are `R`. `columns` must name every column of the migration but `sum`. */
export function table<R extends { [Column in keyof R]: Value }>(
  name: string,
  key: readonly (keyof R & string)[],
  columns: readonly (keyof R & string)[],
): Table<R> {
  return { name, key, columns: [...key, ...columns] };
}

/** A row whose checksum is wrong: reported by name, never skipped. Its key columns may be wrong too. */
export class Damaged<R> {
  readonly row: R;
  readonly reason = 'its checksum does not match its content';

  constructor(row: R) {
    this.row = row;
  }
}

/** An output whose JSON is already text: stored content goes out without being parsed. */
export class JsonText {
  readonly text: string;
  /** That of the record in the text, if it is one. */
  readonly revision: string | undefined;

  constructor(text: string, revision?: string) {
    this.text = text;
    this.revision = revision;
  }
}

/** One change of a record, for the log. */
export interface Change {
  kind: string;
  id: string;
  /** Of a message: its branch, its place in it, and the application's fields as JSON text. */
  message?: { branch: number; seq: number; role: string | null; content: string };
}

/** What full-text search looks for: all phrases, and what the message must be of. */
export interface SearchQuery {
  /** A phrase is words in that order; a word is letters and digits, compared without case and marks. */
  phrases: string[];
  app: string | undefined;
  role: string | undefined;
  /** Any of these branches. */
  branches: number[] | undefined;
  /** Only rows of about this time, in milliseconds: the engine may answer more. */
  after: number | undefined;
  before: number | undefined;
  /** Only positions up to this one. */
  upTo: number;
}

export interface SearchMatches {
  /** By recency where there are too many matches to weigh. */
  order: 'relevance' | 'recency';
  positions: number[];
}

/** Where a sealed value lies: it opens nowhere else. `record` is never another record's, and no rename changes it. */
export interface Place {
  app: string;
  kind: string;
  record: number;
  field: string;
}

/** Seals and opens secrets; throws `key_missing` and the like when the root key is not there. */
export interface Keys {
  seal(tx: Tx, place: Place, text: string): Promise<string>;
  /** Undefined when it is not what was sealed there. */
  open(tx: Tx, place: Place, sealed: string): Promise<string | undefined>;
  /** A digest that nobody without the key can guess at; undefined before the first secret of the application. */
  digest(tx: Tx, app: string, text: string): Promise<string | undefined>;
}

/**
 * What an operation may do to the store, inside one transaction. An operation awaits nothing else: all calls of a
 * commit share one transaction, and waiting in it would hold every other writer up.
 */
export interface Tx {
  /** The row of this primary key; throws `damaged` when its checksum is wrong, calling the record `name`. */
  find<R>(table: Table<R>, key: Partial<R>, name?: string): Promise<R | undefined>;
  /** The rows of `SELECT ... FROM table` + `tail`; damaged ones in their place. */
  select<R>(table: Table<R>, tail: string, ...parameters: Value[]): Promise<(R | Damaged<R>)[]>;
  /** Rows as arrays, unchecked: only for finding which rows to read and how large they are. */
  query(sql: string, ...parameters: Value[]): Promise<Value[][]>;
  insert<R>(table: Table<R>, row: R): Promise<void>;
  /** Inserts the row or replaces the one of its primary key. */
  put<R>(table: Table<R>, row: R): Promise<void>;
  delete<R>(table: Table<R>, key: Partial<R>): Promise<void>;
  /** Adds a row to the log and answers its position: the revision of what changed. */
  change(change: Change): Promise<number>;
  /** Positions of messages that match, best first, without the first `skip`: search operations only. */
  search(query: SearchQuery, skip: number, limit: number): Promise<SearchMatches>;
  /** Position up to which messages are indexed, and that of the newest change: search operations only. */
  searchState(): Promise<{ indexedTo: number; head: number }>;
  /** Keeps the value that the change at `position` replaced. */
  keep(position: number, kind: string, id: string, previous: object): Promise<void>;
}

/** What an operation knows of its call. */
export interface Context {
  readonly app: string;
  /** `feeds.put` */
  readonly op: string;
  /** Milliseconds since 1970: the time of every row this call writes. */
  readonly at: number;
  readonly epoch: string;
  /** The token of the lease or claim that a write grants at this position of the log, see token.ts. */
  readonly tokenOf: (position: number) => string;
  /** What the caller said of itself. */
  readonly client: string | null;
  readonly pid: number | null;
  readonly keys: Keys;
  /** How long this call has waited so far, in milliseconds, see wait.ts; null for one that may not wait. */
  readonly waitedMs: number | null;
  /** Status of the answer; an operation that created what it could have replaced sets 201. */
  status: number;
}

/** Revisions are opaque to clients: the store's epoch and the position of the change that made the record. */
export const revisionOf = (context: Context, position: number): string => `${context.epoch}.${position}`;

/** Milliseconds to RFC 3339 in UTC with milliseconds. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** How far a clock is set back that was only inexact, in milliseconds; one that is set back further was wrong. */
const inexactMs = 3_600_000;

/**
 * Whether a time is still to come that was `longest` ahead, at most, when it was noted. One that lies further ahead was noted
 * by a clock that was wrong, and nobody waits years for it.
 */
export const isAhead = (time: number, at: number, longest: number): boolean =>
  time > at && time - at <= longest + inexactMs;

/** The last moment at which `isAhead` may be true, for a query. */
export const furthest = (at: number, longest: number): number => at + longest + inexactMs;
