import type { DatabaseSync } from 'node:sqlite';
import { history, log, type LogRow } from '../log.ts';
import type { Change, Table, Value } from '../tx.ts';
import { topicOf } from '../wait.ts';
import { sqlite, sqliteCode } from './connection.ts';
import { sqlOf } from './statements.ts';
import { checksum, SqliteTx, valuesOf } from './transaction.ts';

/** What the log says of the call that made a change. */
export interface Caller {
  app: string;
  op: string;
  at: number;
  client: string | null;
  pid: number | null;
  requestId: string;
  key: string | null;
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
  /** Topics of wait.ts that the current transaction touches. */
  readonly touched = new Set<string>();

  constructor(db: DatabaseSync, met?: (damaged: number) => void) {
    super(db, met);
    this.#position = this.#lastPosition();
  }

  #lastPosition(): number {
    return Number((this.statement('SELECT max(position) FROM log').all() as unknown as Value[][])[0]?.[0] ?? 0);
  }

  begin(): void {
    this.changed = this.spoiled = false;
    this.touched.clear();
    this.statement('BEGIN IMMEDIATE').run();
  }
  commit(): void {
    this.statement('COMMIT').run();
  }
  /** Takes the whole transaction back; SQLite may have done so itself when the disk failed. */
  rollback(): void {
    this.touched.clear();
    if (this.db.isTransaction) this.statement('ROLLBACK').run();
    this.#pending = [];
    this.#position = this.#lastPosition();
  }

  /** Between these two a call can be taken back, and the transaction goes on without it. */
  mark(): void {
    this.statement('SAVEPOINT call').run();
  }
  unmark(): void {
    this.statement('RELEASE call').run();
  }
  takeBack(): void {
    this.statement('ROLLBACK TO call').run();
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

  /** The following changes are made by this operation of the same call. */
  actAs(app: string, op: string): void {
    if (this.#caller) this.#caller = { ...this.#caller, app, op };
  }

  /**
   * Position of the first change of the current call, which is the row that remembers its answer. A call that changed
   * nothing makes one for that: a later change must not make its retry another call.
   */
  get firstPosition(): number {
    return this.#pending[0]?.position ?? this.#add({ kind: 'replay', id: '' });
  }
  get hasChanges(): boolean {
    return this.#pending.length > 0;
  }

  /** Writes the log rows of the call; the first one says who made it. */
  endCall(remembered?: { fingerprint: string | null; status: number; answer: string }): void {
    const [first] = this.#pending;
    if (first && this.#caller) {
      const { client, pid, requestId, key } = this.#caller;
      Object.assign(first, { client, pid, request_id: requestId }, remembered && { key, ...remembered });
    }
    this.#writeRows(this.#pending);
    this.#pending = [];
  }

  /** Writes the rows of the call so far, for what follows in it to find. Its first row waits for key and answer. */
  flush(): void {
    this.#writeRows(this.#pending.splice(1));
  }

  #writeRows(rows: LogRow[]): void {
    for (const row of rows) {
      this.#write('insert', log, row);
      this.touched.add(topicOf(row.app, row.kind));
    }
  }

  override async insert<R>(table: Table<R>, row: R): Promise<void> {
    this.#write('insert', table, row);
  }

  override async put<R>(table: Table<R>, row: R): Promise<void> {
    this.#write('put', table, row);
  }

  override async delete<R>(table: Table<R>, key: Partial<R>): Promise<void> {
    this.#run(sqlOf(table).delete, valuesOf(key, table.key));
  }

  override async change(change: Change): Promise<number> {
    return this.#add(change);
  }

  #add({ kind, id, message }: Change): number {
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
      branch: message?.branch ?? null,
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
    const values = valuesOf(row as Partial<R>, table.columns);
    this.#run(sqlOf(table)[verb], [...values, checksum(values)]);
  }

  #run(sql: string, parameters: Value[]): void {
    this.wrote = this.changed = true;
    try {
      this.statement(sql).run(...parameters);
    } catch (error) {
      this.spoiled ||= sqliteCode(error) === sqlite.corrupt;
      throw error;
    }
  }
}
