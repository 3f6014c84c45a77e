import { HoldfastError } from '../../../shared/errors.ts';
import { revisionOf, type Context } from '../tx.ts';

interface Guards {
  name: string;
  expectedRevision?: string | undefined;
  ifAbsent?: boolean | undefined;
}

type Row = { position: number } | undefined;

/** Refuses a write whose revision is not the record's; an absent one has none. `what`: 'budget'. */
export function atRevision(what: string, row: Row, expected: string | undefined, context: Context): void {
  const current = row && revisionOf(context, row.position);
  if (expected === undefined || expected === current) return;
  const why = current === undefined ? `The ${what} does not exist any more` : `The ${what} is at revision ${current}`;
  throw new HoldfastError('stale', `${why}, not at ${expected}: read it again.`, {
    ...(current !== undefined && { current }),
  });
}

/** The same for any guarded write; refuses also the creation of one that is there. */
export function guard(what: string, row: Row, input: Guards, context: Context): void {
  atRevision(what, row, input.expectedRevision, context);
  if (!row || !input.ifAbsent) return;
  throw new HoldfastError('exists', `A ${what} named '${input.name}' exists.`, {
    current: revisionOf(context, row.position),
  });
}

/** The same for a write that needs the record. */
export function required<R extends { position: number }>(
  what: string,
  row: R | undefined,
  input: Guards,
  context: Context,
): R {
  guard(what, row, input, context);
  if (!row) throw new HoldfastError('not_found', `There is no ${what} named '${input.name}'.`);
  return row;
}
