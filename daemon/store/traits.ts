import type { ReasonCode } from '../../shared/reasons.ts';
import * as kinds from './kinds.ts';
import type { Context, Tx } from './tx.ts';

/** What a kind of record may say beside its operations. */
export interface Traits<Verb extends string = string> {
  /** Removes some of what need not be kept at a time; answers whether there may be more. The cleaner calls it. */
  sweep?: (tx: Tx, at: number) => Promise<boolean>;
  /** Reads that look at all rows of an application, `FROM x WHERE app = ?`: where these are many, the reader thread's. */
  scans?: { readonly [verb in Verb]?: string };
  /** Reasons of health, and whether they apply. */
  reasons?: { readonly [code in ReasonCode]?: (tx: Tx, at: number) => Promise<boolean> };
}

const all = Object.entries(kinds as Record<string, Traits & Record<string, unknown>>);

/** By kind: the daemon's own writes `sweep.files` and the like. */
export const sweep = Object.fromEntries(
  all.flatMap(([kind, { sweep: remove }]) =>
    remove ? [[kind, async (tx: Tx, { at }: { at: number }) => ({ more: await remove(tx, at) })]] : [],
  ),
);

/** By operation. */
export const scans: ReadonlyMap<string, string> = new Map(
  all.flatMap(([kind, { scans: found = {} }]) =>
    Object.entries(found as Record<string, string>).map(([verb, rows]) => [`${kind}.${verb}`, rows] as const),
  ),
);

/** The codes that apply now: the daemon's own read, for health. */
export async function reasons(tx: Tx, _input: object, { at }: Context): Promise<string[]> {
  const found: string[] = [];
  for (const [, { reasons: codes = {} }] of all) {
    for (const [code, applies] of Object.entries(codes)) if (await applies(tx, at)) found.push(code);
  }
  return found;
}
