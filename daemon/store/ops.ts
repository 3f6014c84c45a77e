import type { StoreContract } from '../../shared/contract.ts';
import type { InputOf, IsStream, OutputOf } from '../../shared/operation.ts';
import { slice as sliceChanges } from './changes.ts';
import * as kinds from './kinds.ts';
import { adopt, describe, rewrap } from './keys/rotation.ts';
import { mayRepeat } from './resources/auth/refresh.ts';
import { newestChange, prune, retention } from './retention.ts';
import * as sizes from './sizes.ts';
import { reasons, sweep, type Traits } from './traits.ts';
import type { Context, JsonText, Tx } from './tx.ts';
import type { Wait } from './wait.ts';

/** An answer that is a stream comes in steps; each step runs in a read transaction of its own. */
type Answer<Op> = IsStream<Op> extends true ? AsyncGenerator<string, void> : Promise<OutputOf<Op> | JsonText | Wait>;
type Implementation<Op> = (tx: Tx, input: InputOf<Op>, context: Context) => Answer<Op>;
type Implementations<C> = {
  [Kind in keyof C]: { [Verb in keyof C[Kind]]: Implementation<C[Kind][Verb]> } & Traits<keyof C[Kind] & string>;
};

/** What each operation of the contract does; one that is missing does not compile. */
const implementations = {
  ...(kinds satisfies Implementations<StoreContract>),
  // The daemon's own calls, made by no client: they go the way of every write.
  log: {
    newest: newestChange,
    prune: async (tx: Tx, { at }: { at: number }) => ({ more: await prune(tx, at, retention) }),
  },
  changes: { slice: sliceChanges },
  sizes,
  sweep,
  health: { reasons },
  rootKey: { adopt, describe, rewrap },
};

type Implemented<Result> = (tx: Tx, input: unknown, context: Context) => Result;

/** The implementation of `feeds.put` and the like. */
export const implementationOf = (op: string) => find(op) as Implemented<Promise<unknown>>;
/** The implementation of an operation that answers with a stream. */
export const streamOf = (op: string) => find(op) as Implemented<AsyncGenerator<string, void>>;

/** Throws when an earlier answer of this operation must not be given again. */
export const mayRepeatOf = (op: string): typeof mayRepeat | undefined =>
  op === 'auth.refresh' ? mayRepeat : undefined;

function find(op: string): unknown {
  const [kind = '', verb = ''] = op.split('.');
  const group: Record<string, unknown> | undefined = (implementations as Record<string, Record<string, unknown>>)[kind];
  const found = group?.[verb];
  if (typeof found !== 'function') throw new Error(`no implementation of ${op}`);
  return found;
}
