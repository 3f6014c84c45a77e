import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { HoldfastError, type ErrorCode, type ErrorDetails } from '../../../shared/errors.ts';
import { RootKeyFile, type KeySource } from '../keys/root-key.ts';
import type { Recovery, StoreAnswer } from '../store.ts';
import type { SearchMatches, SearchQuery } from '../tx.ts';
import { openReader } from './connection.ts';
import { toHoldfastError } from './errors.ts';
import { Reads, type ReadCall } from './reads.ts';
import { SearchIndex } from './search-index.ts';
import { SqliteTx } from './transaction.ts';

// The reader thread: what takes long to read, so that the main thread never waits for it, and the feeding of the search
// index. Streams are pulled: each step is read when the one before has been taken.

export interface WireError {
  code: ErrorCode;
  detail: string;
  details: ErrorDetails;
  cause: string;
}
export interface ReaderData {
  path: string;
  searchPath: string;
  epoch: string;
  keys: KeySource;
}
export type ToReader =
  | { id: number; call: ReadCall; stream: boolean }
  | { next: number; used: ArrayBuffer }
  | { stop: number }
  | 'index'
  | 'close';
export type FromReader =
  | { id: number; answer: StoreAnswer }
  | { id: number; step: Uint8Array<ArrayBuffer> | undefined }
  | { id: number; error: WireError }
  | { indexed: number; failure: string | undefined }
  | { damaged: number }
  | { recovered: Recovery };

/** Rows of the log that a search catches up with before it answers, whether asked to or not: some milliseconds. */
const quickRows = 2000;
/** Bytes that most steps of a stream fit in. */
const usualStep = 256 * 1024;
/** While others write, indexing rests so many times as long as it worked. */
const restFactor = 19;

if (!parentPort) throw new Error('this module is a worker thread');
const port = parentPort;
const { path, searchPath, epoch, keys } = workerData as ReaderData;
const post = (message: FromReader) => port.postMessage(message);

const db = openReader(path);
let index: SearchIndex | undefined;

class ReaderTx extends SqliteTx {
  override async search(query: SearchQuery, skip: number, limit: number): Promise<SearchMatches> {
    return (await opened(this)).search(query, skip, limit);
  }
  override async searchState() {
    const { indexedTo } = await opened(this);
    return { indexedTo, head: await headOf(this) };
  }
}

const rebuilt = () => post({ recovered: 'search_rebuilt' });
const reads = new Reads(db, new ReaderTx(db, (damaged) => post({ damaged })), {
  epoch,
  rootKey: new RootKeyFile(keys),
});
const encoder = new TextEncoder();
const streams = new Map<number, AsyncGenerator<string, void>>();

async function headOf(tx: SqliteTx): Promise<number> {
  return Number((await tx.query('SELECT max(position) FROM log'))[0]?.[0] ?? 0);
}

async function opened(tx: SqliteTx): Promise<SearchIndex> {
  if (index) return index;
  const head = await headOf(tx);
  index = new SearchIndex(searchPath, epoch, head, rebuilt);
  if (await index.follows(tx)) return index;
  index.broken = true;
  giveUp();
  return (index = new SearchIndex(searchPath, epoch, head, rebuilt));
}

/** One slice of indexing, in one snapshot of the log; answers whether the index is level with the log. */
const feed = () => reads.snapshot(async (tx) => (await opened(tx)).feed(tx));
const progress = () => reads.snapshot((tx) => tx.searchState());

let indexing = false;
async function catchUp(): Promise<void> {
  if (indexing) return;
  indexing = true;
  let failure: string | undefined;
  try {
    for (let head = await reads.snapshot(headOf); ;) {
      const began = performance.now();
      if (await feed()) break;
      const now = await reads.snapshot(headOf);
      // Who else asks comes in between, and who writes keeps the processor.
      await sleep(now === head ? 0 : (performance.now() - began) * restFactor);
      head = now;
    }
  } catch (error) {
    failure = String(error);
    giveUp();
  }
  indexing = false;
  post({ indexed: index?.indexedTo ?? 0, failure });
}

function giveUp(): void {
  index?.close();
  index = undefined;
}

/** Catches up with what was written so far if the caller wants that, or if there is little of it. */
async function prepareSearch({ input }: ReadCall): Promise<void> {
  let { indexedTo, head } = await progress();
  if ((input as { fresh?: boolean }).fresh !== true && head - indexedTo > quickRows) return;
  for (const goal = head; indexedTo < goal; { indexedTo } = await progress()) {
    await feed();
    await sleep(0);
  }
}

async function run(id: number, call: ReadCall): Promise<void> {
  try {
    if (call.op.startsWith('search.')) await prepareSearch(call);
    post({ id, answer: await reads.answer(call) });
  } catch (error) {
    if (index?.broken) giveUp();
    fail(id, error);
  }
}

/**
 * A step as UTF-8, in the buffer that carried the one before if it fits. Buffers go to and fro between the threads: new
 * ones would be garbage that neither heap sees, and that is collected late.
 */
function toBytes(text: string, used: ArrayBuffer | undefined): Uint8Array<ArrayBuffer> {
  const length = Buffer.byteLength(text);
  const buffer = used && used.byteLength >= length ? used : new ArrayBuffer(Math.max(length, usualStep));
  const bytes = new Uint8Array(buffer, 0, length);
  encoder.encodeInto(text, bytes);
  return bytes;
}

async function step(id: number, used?: ArrayBuffer): Promise<void> {
  const steps = streams.get(id);
  // It began on a thread that is gone.
  if (!steps) return fail(id, new HoldfastError('busy', 'The reader thread ended: call again.', { retryAfter: 1 }));
  try {
    const { value, done } = await steps.next();
    if (done) streams.delete(id);
    if (done) return post({ id, step: undefined });
    const bytes = toBytes(value, used);
    port.postMessage({ id, step: bytes } satisfies FromReader, [bytes.buffer]);
  } catch (error) {
    streams.delete(id);
    fail(id, error);
  }
}

function fail(id: number, error: unknown): void {
  const { code, message, details, cause } = toHoldfastError(error);
  const text = cause instanceof Error ? (cause.stack ?? String(cause)) : '';
  post({ id, error: { code, detail: message, details, cause: text } });
}

async function close(): Promise<void> {
  await reads.idle();
  giveUp();
  db.close();
  port.close();
}

port.on('message', (message: ToReader) => {
  if (message === 'index') void catchUp();
  else if (message === 'close') void close();
  else if ('next' in message) void step(message.next, message.used);
  else if ('stop' in message) streams.delete(message.stop);
  else if (message.stream) {
    streams.set(message.id, reads.stream(message.call));
    void step(message.id);
  } else void run(message.id, message.call);
});
