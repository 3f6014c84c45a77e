import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { HoldfastError } from '../../../shared/errors.ts';
import { Unreadable } from '../damage.ts';
import { sqlite, sqliteCode } from './connection.ts';
import { sqlOf } from './statements.ts';
import { Damaged, type Change, type SearchMatches, type SearchQuery, type Table, type Tx, type Value } from '../tx.ts';

/** The checksum of a row: CRC-32 over its columns, null told apart from the empty text. */
export function checksum(values: Value[]): number {
  return crc32(values.map((value) => value ?? '\0').join('\x1f'));
}

export const valuesOf = <R>(row: Partial<R>, columns: readonly (keyof R & string)[]) =>
  columns.map((column) => row[column] as Value);

/** Tx over one SQLite connection. Statements stay referenced for the connection's life (nodejs/node#57493). */
export class SqliteTx implements Tx {
  readonly #statements = new Map<string, StatementSync>();

  protected readonly db: DatabaseSync;
  readonly #met: (damaged: number) => void;
  /** Whether the current transaction met damage: SQLite then writes and commits nothing more in it. */
  spoiled = false;

  /** `met` is told how many damaged rows a read came upon: the one place where damage is found. */
  constructor(db: DatabaseSync, met: (damaged: number) => void = () => undefined) {
    this.db = db;
    this.#met = met;
  }

  protected statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  async find<R>(table: Table<R>, key: Partial<R>, name?: string): Promise<R | undefined> {
    const called = () => name ?? valuesOf(key, table.key).at(-1);
    try {
      const [row] = this.#read(table, sqlOf(table).byKey, valuesOf(key, table.key));
      if (!(row instanceof Damaged)) return row;
      throw new HoldfastError('damaged', `The ${table.name} row of '${called()}' is damaged: ${row.reason}.`);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const detail = `The ${table.name} row of '${called()}' is damaged: it cannot be read.`;
      throw new HoldfastError('damaged', detail, {}, { cause: error });
    }
  }

  async select<R>(table: Table<R>, tail: string, ...parameters: Value[]): Promise<(R | Damaged<R>)[]> {
    return this.#read(table, tail, parameters);
  }

  #read<R>(table: Table<R>, tail: string, parameters: Value[]): (R | Damaged<R>)[] {
    const rows = this.#all(sqlOf(table).select + tail, parameters);
    let damaged = 0;
    const checked = rows.map((values) => {
      const sum = values.pop();
      const row = Object.fromEntries(table.columns.map((column, index) => [column, values[index]])) as R;
      if (checksum(values) === sum) return row;
      damaged += 1;
      return new Damaged(row);
    });
    if (damaged > 0) this.#met(damaged);
    return checked;
  }

  async query(sql: string, ...parameters: Value[]): Promise<Value[][]> {
    return this.#all(sql, parameters);
  }

  /** All rows. An integer that no double holds was not written by us: it comes rounded, for its checksum to tell. */
  #all(sql: string, parameters: Value[]): Value[][] {
    const statement = this.statement(sql);
    try {
      return statement.all(...parameters) as unknown as Value[][];
    } catch (error) {
      if (sqliteCode(error) === sqlite.corrupt) {
        this.spoiled = true;
        this.#met(1);
        throw new Unreadable({ cause: error });
      }
      if (!(error instanceof RangeError)) throw error;
      statement.setReadBigInts(true);
      try {
        const rows = statement.all(...parameters) as unknown as (Value | bigint)[][];
        return rows.map((row) => row.map((value) => (typeof value === 'bigint' ? Number(value) : value)));
      } finally {
        statement.setReadBigInts(false);
      }
    }
  }

  search(_query: SearchQuery, _skip: number, _limit: number): Promise<SearchMatches> {
    return noSearch();
  }
  searchState(): Promise<{ indexedTo: number; head: number }> {
    return noSearch();
  }
  insert<R>(_table: Table<R>, _row: R): Promise<void> {
    return readOnly();
  }
  put<R>(_table: Table<R>, _row: R): Promise<void> {
    return readOnly();
  }
  delete<R>(_table: Table<R>, _key: Partial<R>): Promise<void> {
    return readOnly();
  }
  change(_change: Change): Promise<number> {
    return readOnly();
  }
  keep(_position: number, _kind: string, _id: string, _previous: object): Promise<void> {
    return readOnly();
  }
}

function noSearch(): never {
  throw new Error('an operation that is no search tried to search');
}

function readOnly(): never {
  throw new Error('a read operation tried to write');
}
