import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openWriter } from '../../daemon/store/sqlite/connection.ts';
import { migrate } from '../../daemon/store/sqlite/migrate.ts';
import { SqliteWriteTx } from '../../daemon/store/sqlite/write-transaction.ts';
import type { Context, Tx } from '../../daemon/store/tx.ts';
import { noKeys } from './no-keys.ts';

/** A store whose operations run at the time that a test says. */
export class StoreAt implements Disposable {
  /** The time of whatever is done next, in milliseconds since 1970. */
  at: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
  readonly #db: DatabaseSync;
  readonly #tx: SqliteWriteTx;

  constructor(at: string) {
    this.at = Date.parse(at);
    this.#db = openWriter(join(this.#folder, 'holdfast.db'), () => undefined);
    migrate(this.#db, this.#folder);
    this.#tx = new SqliteWriteTx(this.#db);
  }

  async run<I, A>(operation: (tx: Tx, input: I, context: Context) => Promise<A>, input: I): Promise<A> {
    const about = { app: 'a', op: 'x', at: this.at, client: null, pid: null };
    this.#tx.begin();
    this.#tx.startCall({ ...about, requestId: 'r', key: null });
    const context = { ...about, epoch: 'e', keys: noKeys, waitedMs: null, status: 0 };
    return operation(this.#tx, input, context).finally(() => {
      this.#tx.endCall();
      this.#tx.commit();
    });
  }

  /** Rows of plain SQL. */
  query(sql: string) {
    return this.#tx.query(sql);
  }

  [Symbol.dispose](): void {
    this.#db.close();
    rmSync(this.#folder, { recursive: true });
  }
}
