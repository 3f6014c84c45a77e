import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { HoldfastError } from '../../../shared/errors.ts';
import { ExitError } from '../../exit.ts';
import { epochOf } from '../meta.ts';
import { RootKeyFile } from '../keys/root-key.ts';
import { tokensOf } from '../token.ts';
import type { Context } from '../tx.ts';
import { Wait } from '../wait.ts';
import { runBatch, type Call, type Outcome } from './batch.ts';
import { Checkpointer } from './checkpoint.ts';
import { openWriter } from './connection.ts';
import { cannotOpen, toHoldfastError } from './errors.ts';
import { bornAt, FileIdentity } from './identity.ts';
import { mendIndexes } from './mend.ts';
import { checkFile, createStore, migrate, schemaVersion } from './migrate.ts';
import { SqliteWriteTx } from './write-transaction.ts';
import { toWire, type FromWorker, type ToWorker, type WriterData } from './writer-messages.ts';

// The writer: the only thread with a writable connection. Whatever arrived while the previous COMMIT ran becomes
// the next transaction: group commit without a timer.

/** Calls and characters of input that one transaction takes at most. */
const maxCalls = 1000;
const maxCharacters = 32 * 1024 * 1024;

if (!parentPort) throw new Error('this module is a worker thread');
const port = parentPort;
const { path, keys } = workerData as WriterData;
const rootKey = new RootKeyFile(keys);
const post = (message: FromWorker) => port.postMessage(message);
const report = (checkpointFailure: string | undefined) => post({ checkpointFailure });

let db: DatabaseSync;
let tx: SqliteWriteTx;
let identity: FileIdentity;
let checkpointer: Checkpointer;
let around = { epoch: '', tokenOf: String as Context['tokenOf'], rootKey };
/** Set once the files are no longer ours: nothing is written any more. */
let lost: HoldfastError | undefined;
/** Set after a COMMIT failed in a way that leaves the connection's view of the files in doubt. */
let suspect = false;
/**
 * The last request of which a transaction failed. What that request asked for beside comes next, and fails with it: its caller
 * makes all of it again, in order, and nothing overtakes what was before it.
 */
let failed: { requestId: string | undefined; failure: HoldfastError } | undefined;
/**
 * Set while the WAL may hold what no fsync covers: a kill or a failed fsync came between the write and the sync. Such
 * a row is visible, and a retry by its key would be answered from it, so first it must become durable.
 */
let unsettled = true;

async function open(): Promise<void> {
  if (around.epoch === '' && !existsSync(path)) createStore(path);
  db = openWriter(path, (opened) => checkFile(opened, path));
  try {
    migrate(db, path);
    tx = new SqliteWriteTx(db, (damaged) => post({ damaged }));
    if (await mendIndexes(db, tx)) post({ recovered: 'index_mended' });
    const epoch = await epochOf(tx, around.epoch === '' ? bornAt(path) : undefined);
    if (around.epoch !== '' && epoch !== around.epoch)
      throw new ExitError(78, `${path} was replaced by another database.`);
    around = { epoch, tokenOf: await tokensOf(tx, epoch), rootKey };
  } catch (error) {
    db.close();
    throw error;
  }
  unsettled = true;
  identity = new FileIdentity(path);
  checkpointer = new Checkpointer(db, report, (checkpoint) => identity.writing(checkpoint, lose));
}

/** After a failed fsync the page cache cannot be trusted: close, open, verify, then go on. */
async function reopen(): Promise<void> {
  checkIdentity();
  const before = identity;
  checkpointer.stop();
  if (db.isOpen) db.close();
  try {
    await open();
  } catch (error) {
    throw error instanceof ExitError ? lose(path) : error;
  }
  if (!identity.sameDatabase(before)) throw lose(path);
  suspect = false;
  post({ recovered: 'store_reopened' });
}

function checkIdentity(): void {
  const missing = identity.lost();
  if (missing !== undefined) throw lose(missing);
}

/** From now on nothing is stored or acknowledged, and the daemon ends. */
function lose(file: string): HoldfastError {
  if (lost) return lost;
  const what = `${file} was removed or replaced while the daemon ran, or another program wrote to it`;
  lost = new HoldfastError('store_replaced', `${what}; nothing was stored.`);
  post({ fatal: { exitCode: 78, message: `${what}. See that the right files are there, then start again.` } });
  return lost;
}

/** The outcomes of the first calls, which are stored; the rest has not been run. */
async function run(calls: Call[]): Promise<Outcome[]> {
  if (lost) return calls.map(() => lost as HoldfastError);
  const { requestId, failure: before } = failed ?? {};
  const held = before ? calls.findIndex((call) => !call.ordered || call.requestId !== requestId) : 0;
  if (before && held !== 0) return calls.slice(0, held === -1 ? calls.length : held).map(() => before);
  failed = undefined;
  try {
    if (suspect) await reopen();
    if (unsettled) {
      checkpointer.settle();
      unsettled = false;
    }
    return await runBatch(tx, around, calls, checkIdentity);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'storage_failed') suspect = true;
    if (failure.retryable) failed = { requestId: calls.at(-1)?.requestId, failure };
    return calls.map(() => failure);
  }
}

/** What goes wrong in a file that is no longer ours comes of that: it is no damage. */
function failureOf(error: unknown): HoldfastError {
  try {
    checkIdentity();
    return toHoldfastError(error);
  } catch (gone) {
    return toHoldfastError(gone);
  }
}

const queue: Call[] = [];
let running = false;
let closing = false;

/** Takes over what has arrived since: messages wait in the port while a transaction runs. */
function receive(): void {
  for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) accept(got.message as ToWorker);
}

function accept(message: ToWorker): void {
  if (message === 'close') closing = true;
  else queue.push(message);
}

function nextBatch(): Call[] {
  let characters = 0;
  const end = queue.findIndex((call, index) => index > 0 && (characters += call.input.length) > maxCharacters);
  return queue.splice(0, Math.min(end === -1 ? queue.length : end, maxCalls));
}

async function work(): Promise<void> {
  running = true;
  receive();
  while (queue.length > 0) {
    const calls = nextBatch();
    const outcomes = await run(calls);
    queue.unshift(...calls.splice(outcomes.length));
    const answered = outcomes.some((outcome) => !(outcome instanceof HoldfastError) && !(outcome instanceof Wait));
    const stored = tx.changed && answered;
    post({
      outcomes: calls.map((call, index) => toWire(call, outcomes[index] as Outcome)),
      committedAt: stored ? Date.now() : undefined,
      touched: stored ? [...tx.touched] : [],
    });
    if (stored) checkpointer.afterCommit();
    receive();
  }
  running = false;
  if (closing) close();
}

function close(): void {
  // When only the WAL was removed, what was acknowledged is in our open copy of it and still belongs in the database.
  if (identity.lost() === path) lose(path);
  else checkpointer.finish();
  // Closing moves the WAL into the database and removes it by its path: both may be another store's by now.
  if (!lost) db.close();
  post({ closed: true });
  port.close();
}

port.on('message', (message: ToWorker) => {
  accept(message);
  if (!running) void work();
});

try {
  await open();
  post({ ready: { epoch: around.epoch, schemaVersion } });
} catch (error) {
  const { exitCode, message } = error instanceof ExitError ? error : cannotOpen(path, error);
  post({ fatal: { exitCode, message } });
  port.close();
}
