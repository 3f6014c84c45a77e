/** A row that is not what was written: named as far as it can still be read. */
export interface DamagedRow {
  table: string;
  /** The kind of record, such as `message` or `feed`; the table where the row names none. */
  kind: string;
  app: string | null;
  id: string;
  reason: string;
}

/** What the check of the database says, a line of JSON each, on its stdout. Without `end` it was cut off. */
export type IntegrityLine =
  /** Rows looked at so far, and about how many there are. */
  | { progress: { done: number; of: number } }
  | { damaged: DamagedRow }
  /** What SQLite itself finds wrong with a table, or that one cannot be read to its end. */
  | { fault: { table: string; detail: string } }
  /** The root key that this store needs is not there, or is not fit for use. */
  | { key: { code: string; detail: string } }
  /** It cannot be looked at. */
  | { failed: string }
  | { end: { tables: number; rows: number } };
