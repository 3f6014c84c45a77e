import type { ErrorCode } from '../../shared/errors.ts';
import type { Operation } from '../../shared/operation.ts';
import type { ExitError } from '../exit.ts';
import type { AppSize } from './sizes.ts';

/** A call of an operation of the store, validated. */
export interface StoreCall {
  /** `feeds.put` */
  name: string;
  operation: Operation;
  app: string;
  input: unknown;
  requestId: string;
  client: string | null;
  pid: number | null;
  /** Idempotency key of a write. */
  key: string | null;
  /** The input holds a secret. */
  secretInput: boolean;
  /** One of the calls that a request makes, in this order, each for itself. */
  ordered?: boolean;
  /** It came by the restricted socket. */
  restricted?: boolean;
  /** Aborted when nobody waits for the answer any more: a call that waits for a change is given up. */
  signal: AbortSignal | undefined;
}

export interface StoreAnswer {
  status: number;
  /** The output as JSON. */
  text: string;
  revision: string | undefined;
}

export interface StoreHealth {
  queueDepth: number;
  oldestUnansweredMs: number;
  lastCommitAt: number | undefined;
  walBytes: number;
  freeBytes: number;
  /** Codes of what is wrong. */
  reasons: string[];
}

/** What is looked at for the metrics alone. */
export interface StoreFigures {
  databaseBytes: number | undefined;
  /** Changes that the search index has yet to take in; undefined while that is not known. */
  searchLag: number | undefined;
  /** When the sizes were read, at most some minutes ago; undefined when they cannot be read. */
  sizedAt: number | undefined;
  apps: AppSize[];
}

/** What a store mends by itself. */
export const recoveries = ['index_mended', 'store_reopened', 'search_rebuilt'] as const;
export type Recovery = (typeof recoveries)[number];
/** The threads that read rows. */
export const threads = ['main', 'reader', 'writer'] as const;

/** Told of what a store meets while it works; must be quick, and throw nothing. */
export interface Observer {
  /** A write was answered, with 'ok' or the code of its error, so many milliseconds after the writer was given it. */
  wrote(op: string, code: ErrorCode | 'ok', ms: number): void;
  /** Rows were met that are damaged: counted each time. */
  damaged(thread: (typeof threads)[number], rows: number): void;
  recovered(what: Recovery): void;
}

/** The seam to the engine: all that the daemon knows of its store. */
export interface Store {
  readonly schemaVersion: number;
  readonly engine: string;
  /** Resolves when the answer may leave: for a write, after its transaction is durable. */
  call(call: StoreCall): Promise<StoreAnswer>;
  /** All calls in one transaction, or none: the answer is `{ results }` in their order. */
  atomic(batch: StoreCall, calls: StoreCall[]): Promise<StoreAnswer>;
  /** The answer of a read that is a stream, in steps; the first step fails as `call` would. */
  stream(call: StoreCall): AsyncGenerator<Uint8Array, void>;
  /** The daemon's own operations, made by no client. */
  own(kind: 'read' | 'write', op: string, input: object): Promise<unknown>;
  /** Calls `listener` after each commit that changed something; answers how to end that. */
  onCommit(listener: () => void): () => void;
  /** Asks no writer. */
  health(): Promise<StoreHealth>;
  /** Asks no writer either; never rejects. */
  figures(): Promise<StoreFigures>;
  /** Waits for accepted writes, leaves the files clean; rejects with an ExitError, closed all the same, when they are not. */
  close(): Promise<void>;
  /** Resolves if the store can go on no longer; nothing is acknowledged after that. */
  readonly failed: Promise<ExitError>;
}
