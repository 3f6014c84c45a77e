import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { HoldfastError } from '../../../shared/errors.ts';
import { history, log, type LogRow } from '../log.ts';
import { sqlOf } from './statements.ts';
import { Damaged, type Change, type Table, type Tx, type Value } from '../tx.ts';

/** The checksum of a row: CRC-32 over its columns, null told apart from the empty text. */
function checksum(values: Value[]): number {
  return crc32(values.map((value) => value ?? '\0').join('\x1f'));
}

const valuesOf = <R>(row: Partial<R>, columns: readonly (keyof R & string)[]) =>
  columns.map((column) => row[column] as Value);

/** Tx over one SQLite connection. Statements stay referenced for the connection's life (nodejs/node#57493). */
export class SqliteTx implements Tx {
  readonly #statements = new Map<string, StatementSync>();

  protected readonly db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.db = db;
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

  async find<R>(table: Table<R>, key: Partial<R>): Promise<R | undefined> {
    const [row] = this.#read(table, sqlOf(table).byKey, valuesOf(key, table.key));
    if (row instanceof Damaged) {
      const id = valuesOf(key, table.key).at(-1);
      throw new HoldfastError('damaged', `The ${table.name} '${id}' is damaged: ${row.reason}.`);
    }
    return row;
  }

  async select<R>(table: Table<R>, tail: string, ...parameters: Value[]): Promise<(R | Damaged<R>)[]> {
    return this.#read(table, tail, parameters);
  }

  #read<R>(table: Table<R>, tail: string, parameters: Value[]): (R | Damaged<R>)[] {
    const rows = this.statement(sqlOf(table).select + tail).all(...parameters) as unknown as Value[][];
    return rows.map((values) => {
      const sum = values.pop();
      const row = Object.fromEntries(table.columns.map((column, index) => [column, values[index]])) as R;
      return checksum(values) === sum ? row : new Damaged(row);
    });
  }

  async query(sql: string, ...parameters: Value[]): Promise<Value[][]> {
    return this.statement(sql).all(...parameters) as unknown as Value[][];
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

function readOnly(): never {
  throw new Error('a read operation tried to write');
}

/** What the log says of the call that made a change. */
export interface Caller {
  app: string;
  op: string;
  at: number;
  client: string | null;
  pid: number | null;
  requestId: string;
  key: string | null;
  fingerprint: string | null;
}

/**
 * Tx of the writer. Log rows wait in memory until their call has ended, because the first of them carries the
 * answer; so a call that refuses before its first write to a table leaves no trace to undo.
 */
export class SqliteWriteTx extends SqliteTx {
  #position: number;
  #pending: LogRow[] = [];
  #caller: Caller | undefined;
  /** Whether the current call has changed a table. */
  wrote = false;
  /** Whether the current transaction has. */
  changed = false;

  constructor(db: DatabaseSync) {
    super(db);
    this.#position = this.#lastPosition();
  }

  #lastPosition(): number {
    return Number((this.statement('SELECT max(position) FROM log').all() as unknown as Value[][])[0]?.[0] ?? 0);
  }

  begin(): void {
    this.changed = false;
    this.statement('BEGIN IMMEDIATE').run();
  }
  commit(): void {
    this.statement('COMMIT').run();
  }
  /** Takes the whole transaction back; SQLite may have done so itself when the disk failed. */
  rollback(): void {
    if (this.db.isTransaction) this.statement('ROLLBACK').run();
    this.#pending = [];
    this.#position = this.#lastPosition();
  }

  /** The following changes are this call's. */
  startCall(caller: Caller): void {
    this.#position -= this.#pending.length;
    this.#pending = [];
    this.#caller = caller;
    this.wrote = false;
  }

  /** Writes the log rows of the call; the first one remembers the answer for whoever asks again with its key. */
  endCall(status: number, answer: string): void {
    const [first] = this.#pending;
    if (first && this.#caller) {
      const { client, pid, requestId, key, fingerprint } = this.#caller;
      Object.assign(first, { client, pid, request_id: requestId });
      if (key !== null) Object.assign(first, { key, fingerprint, status, answer });
    }
    for (const row of this.#pending) this.#write('insert', log, row);
    this.#pending = [];
  }

  override async insert<R>(table: Table<R>, row: R): Promise<void> {
    this.#write('insert', table, row);
  }

  override async put<R>(table: Table<R>, row: R): Promise<void> {
    this.#write('put', table, row);
  }

  override async delete<R>(table: Table<R>, key: Partial<R>): Promise<void> {
    this.wrote = this.changed = true;
    this.statement(sqlOf(table).delete).run(...valuesOf(key, table.key));
  }

  override async change({ kind, id, message }: Change): Promise<number> {
    if (!this.#caller) throw new Error('a change outside a call');
    const { at, app, op } = this.#caller;
    const position = ++this.#position;
    this.#pending.push({
      position,
      at,
      app,
      kind,
      id,
      op,
      request: this.#pending[0]?.position ?? position,
      session_no: message?.sessionNo ?? null,
      seq: message?.seq ?? null,
      role: message?.role ?? null,
      client: null,
      pid: null,
      request_id: null,
      key: null,
      fingerprint: null,
      status: null,
      answer: null,
      content: message?.content ?? null,
    });
    return position;
  }

  override async keep(position: number, kind: string, id: string, previous: object): Promise<void> {
    const app = this.#caller?.app ?? '';
    this.#write('insert', history, { position, app, kind, id, value: JSON.stringify(previous) });
  }

  #write<R>(verb: 'insert' | 'put', table: Table<R>, row: R): void {
    this.wrote = this.changed = true;
    const values = valuesOf(row as Partial<R>, table.columns);
    this.statement(sqlOf(table)[verb]).run(...values, checksum(values));
  }
}
