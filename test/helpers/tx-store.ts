import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openWriter } from '../../daemon/store/sqlite/connection.ts';
import { migrate } from '../../daemon/store/sqlite/migrate.ts';
import { SqliteWriteTx } from '../../daemon/store/sqlite/write-transaction.ts';
import type { Context, Tx } from '../../daemon/store/tx.ts';
import { noKeys } from './no-keys.ts';

type Operation<Input, Answer> = (tx: Tx, input: Input, context: Context) => Promise<Answer>;

/** A real store in this process, for operations whose clock is the test's. */
export class TxStore implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-tx-'));
  readonly db: DatabaseSync;
  readonly tx: SqliteWriteTx;
  /** What the clock shows, in milliseconds since 1970. */
  at: number;
  /** How long a call that may wait has waited. */
  waitedMs = 0;

  constructor(at = '2026-01-31T12:00:00.000Z') {
    this.at = Date.parse(at);
    this.db = openWriter(join(this.#folder, 'holdfast.db'), () => undefined);
    migrate(this.db, this.#folder);
    this.tx = new SqliteWriteTx(this.db);
  }

  /** Runs an operation in a transaction of its own, which is taken back when it is refused; with a key, its answer is kept. */
  async run<Input, Answer>(
    operation: Operation<Input, Answer>,
    input: Input,
    key: string | null = null,
  ): Promise<Answer> {
    const about = { app: 'a', op: 'x', at: this.at, client: null, pid: null };
    this.tx.begin();
    this.tx.startCall({ ...about, requestId: 'r', key });
    try {
      const context = { ...about, epoch: 'e', tokenOf: String, keys: noKeys, waitedMs: this.waitedMs, status: 0 };
      const answer = await operation(this.tx, input, context);
      this.tx.endCall(key === null ? undefined : { fingerprint: null, status: 200, answer: JSON.stringify(answer) });
      this.tx.commit();
      return answer;
    } catch (error) {
      this.tx.rollback();
      throw error;
    }
  }

  /** Rows of plain SQL. */
  query(sql: string) {
    return this.tx.query(sql);
  }

  [Symbol.dispose](): void {
    this.db.close();
    rmSync(this.#folder, { recursive: true });
  }
}
