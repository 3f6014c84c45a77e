import type * as z from 'zod';
import { contract, type StoreContract } from '../shared/contract.ts';
import type { IsBatchable, IsStream, Operation, OutputOf } from '../shared/operation.ts';
import { paths } from '../shared/paths.ts';
import { orAborted } from './aborts.ts';
import { plain, read, run, whole, type Calling, type CallOptions } from './call.ts';
import { changesOf, type Changes } from './changes.ts';
import { concealAnswer } from './conceal.ts';
import { uuidv7 } from '../shared/uuid.ts';
import { Transport } from './transport.ts';
import { versionCheck } from './upgrade.ts';
import { isQueued, WriteQueue } from './write-queue.ts';
import { withTokenOf, type WithToken } from './with-token.ts';

export type { CallOptions } from './call.ts';
export type { Change, Changes, ChangesOptions } from './changes.ts';
export { draftWriter, type DraftWriter, type DraftWriterOptions } from './drafts.ts';
export type { Grant, Refreshed, RefreshFunction } from './refresh.ts';
export { readGuarded } from './read-guarded.ts';
export type { Token, WithToken, WithTokenOptions } from './with-token.ts';
export { HoldfastError } from '../shared/errors.ts';
export { uuidv7 } from '../shared/uuid.ts';

export interface ConnectOptions {
  /** The application whose data this is: a-z, 0-9, `.`, `_`, `-`. */
  app: string;
  /** Path of the socket; the user's own daemon when absent. */
  socket?: string;
  /** How long one call may take, its retries included, in milliseconds; one that waits has its `waitMs` and ten seconds at least. */
  deadlineMs?: number;
  /** `name/version` of the application, for the daemon's log. */
  client?: string;
  /** Whether to start the user's own daemon when it is not there; it is, unless `socket` names another. */
  autostart?: boolean;
  /** Connections of plain calls at most; a stream has one of its own. */
  maxSockets?: number;
}

type InputFor<Op> = Op extends Operation<infer Input> ? Omit<z.input<Input>, 'app'> & { app?: string } : never;
type AnswerOf<Op> = IsStream<Op> extends true ? AsyncGenerator<OutputOf<Op>, void> : Promise<OutputOf<Op>>;
type Method<Op> =
  {} extends InputFor<Op>
    ? (input?: InputFor<Op>, options?: CallOptions) => AnswerOf<Op>
    : (input: InputFor<Op>, options?: CallOptions) => AnswerOf<Op>;
type Methods<C> = { readonly [Kind in keyof C]: { readonly [Verb in keyof C[Kind]]: Method<C[Kind][Verb]> } };

/** A call of a batch: any operation that may be in one, with its input. */
type BatchCall = {
  [Kind in keyof StoreContract]: {
    [Verb in keyof StoreContract[Kind]]: IsBatchable<StoreContract[Kind][Verb]> extends true
      ? {
          op: `${Kind & string}.${Verb & string}`;
          input: InputFor<StoreContract[Kind][Verb]>;
          app?: string;
          key?: string;
        }
      : never;
  }[keyof StoreContract[Kind]];
}[keyof StoreContract];

type BatchMethod = (
  input: { atomic?: boolean; calls: readonly BatchCall[] },
  options?: CallOptions,
) => Promise<OutputOf<typeof contract.batch.run>>;

interface Helpers {
  /** Many calls in one request. Writes made at the same time travel together by themselves: this is for `atomic`. */
  readonly batch: { readonly run: BatchMethod };
  readonly auth: {
    /** A good access token or API key; `refresh` is called if it takes a refresh and no other process is at it. */
    readonly withToken: WithToken;
  };
  /** Every change as it is committed, over restarts of the daemon: `for await (const { kind, id } of client.changes())`. */
  readonly changes: Changes;
}

/** Every operation of the contract as a method: `client.feeds.put({ name, url })`. */
export type Client = Methods<Omit<typeof contract, 'batch' | 'changes'>> &
  Helpers &
  AsyncDisposable & { close(): void };

/**
 * A client of the daemon. Every write carries a key, so a call is repeated by itself, and happens once, when the
 * daemon is restarted or killed under it; what fails after the deadline throws HoldfastError `unavailable`.
 */
export function connect(options: ConnectOptions): Client {
  const socket = options.socket ?? paths().socket;
  const transport = new Transport(socket, options.maxSockets ?? 16);
  const autostart = options.autostart ?? options.socket === undefined;
  const calling: Calling = {
    transport,
    socket,
    options,
    autostart: autostart ? starter(options.socket === undefined ? socket : undefined) : undefined,
    note: '',
  };
  transport.onOther = versionCheck(calling);
  const writes = new WriteQueue(calling);
  const underWay = new Set<Promise<unknown>>();
  const client: Record<string, unknown> = {
    close: () => transport.close(),
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled([...underWay, writes.idle()]);
      transport.close();
    },
  };
  for (const [group, operations] of Object.entries(contract) as [string, Record<string, Operation>][]) {
    client[group] = Object.fromEntries(
      Object.entries(operations).map(([verb, operation]) => {
        const name = `${group}.${verb}`;
        const queued = isQueued(name, operation);
        const method = (input: object = {}, call: CallOptions = {}) => {
          if (queued) return writes.add(name, operation, input, call);
          const one = {
            ...calling,
            operation,
            input: name === 'batch.run' ? withApp(input, options.app) : input,
            call,
          };
          if (operation.stream === 'out') return read(one);
          const made: Promise<unknown> = run<unknown>(one, operation.produces ? plain : whole);
          const forget = () => underWay.delete(made);
          underWay.add(made);
          void made.then(forget, forget);
          return made.then((answer) => concealAnswer(operation, answer));
        };
        return [verb, method];
      }),
    );
  }
  const made = client as unknown as Client;
  return { ...made, changes: changesOf(calling), auth: { ...made.auth, withToken: withTokenOf(made.auth) } };
}

/** The calls of a batch, each with the application that it is for and, unless they are one, with a key. */
function withApp(input: object, app: string): object {
  const { calls } = input as { calls: { app?: string; key?: string; input?: { app?: string } }[] };
  // The key of the batch is that of an atomic one: without keys of their own, independent calls sent again would happen twice.
  const own = (key = uuidv7()): object => ('atomic' in input && input.atomic ? {} : { key });
  const named = calls.map((call) => ({ ...call, app: call.app ?? call.input?.app ?? app, ...own(call.key) }));
  return { ...input, calls: named };
}

/** Starts the daemon, once at a time, and each call waits as long as it may: the code for it is loaded when it is needed. */
function starter(socket: string | undefined): (signal: AbortSignal) => Promise<string> {
  let starting: Promise<string> | undefined;
  return (signal) => {
    starting ??= import('./autostart.ts')
      .then((start) => start.autostart(signal, socket))
      .finally(() => (starting = undefined));
    return orAborted(starting, signal);
  };
}
