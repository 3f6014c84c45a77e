import type { StoreContract } from '../../shared/contract.ts';
import type { InputOf, OutputOf } from '../../shared/operation.ts';
import * as feeds from './resources/feeds.ts';
import * as sessions from './resources/sessions.ts';
import type { Context, JsonText, Tx } from './tx.ts';

type Implementation<Op> = (tx: Tx, input: InputOf<Op>, context: Context) => Promise<OutputOf<Op> | JsonText>;
type Implementations<C> = { [Kind in keyof C]: { [Verb in keyof C[Kind]]: Implementation<C[Kind][Verb]> } };

/** What each operation of the contract does; one that is missing does not compile. */
const implementations = { feeds, sessions } satisfies Implementations<StoreContract>;

type AnyImplementation = (tx: Tx, input: unknown, context: Context) => Promise<unknown>;

/** The implementation of `feeds.put` and the like. */
export function implementationOf(op: string): AnyImplementation {
  const [kind = '', verb = ''] = op.split('.');
  const group: Record<string, unknown> | undefined = (implementations as Record<string, Record<string, unknown>>)[kind];
  const found = group?.[verb];
  if (typeof found !== 'function') throw new Error(`no implementation of ${op}`);
  return found as AnyImplementation;
}
