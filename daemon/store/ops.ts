import type { StoreContract } from '../../shared/contract.ts';
import type { InputOf, OutputOf } from '../../shared/operation.ts';
import * as kinds from './kinds.ts';
import { prune, retention } from './retention.ts';
import type { Context, JsonText, Tx } from './tx.ts';

type Implementation<Op> = (tx: Tx, input: InputOf<Op>, context: Context) => Promise<OutputOf<Op> | JsonText>;
type Implementations<C> = { [Kind in keyof C]: { [Verb in keyof C[Kind]]: Implementation<C[Kind][Verb]> } };

/** What each operation of the contract does; one that is missing does not compile. */
const implementations = {
  ...(kinds satisfies Implementations<StoreContract>),
  // The daemon's own call, made by no client: it goes the way of every write.
  log: { prune: async (tx: Tx, _input: object, { at }: Context) => ({ more: await prune(tx, at, retention) }) },
};

type AnyImplementation = (tx: Tx, input: unknown, context: Context) => Promise<unknown>;

/** The implementation of `feeds.put` and the like. */
export function implementationOf(op: string): AnyImplementation {
  const [kind = '', verb = ''] = op.split('.');
  const group: Record<string, unknown> | undefined = (implementations as Record<string, Record<string, unknown>>)[kind];
  const found = group?.[verb];
  if (typeof found !== 'function') throw new Error(`no implementation of ${op}`);
  return found as AnyImplementation;
}
