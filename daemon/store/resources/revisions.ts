import { HoldfastError } from '../../../shared/errors.ts';
import { revisionOf, type Context } from '../tx.ts';

interface Guards {
  name: string;
  expectedRevision?: string | undefined;
  ifAbsent?: boolean | undefined;
}

/** Refuses a guarded write whose revision is not the record's, and the creation of one that is there. `what`: 'budget'. */
export function guard(what: string, row: { position: number } | undefined, input: Guards, context: Context): void {
  const current = row && revisionOf(context, row.position);
  if (input.expectedRevision !== undefined && input.expectedRevision !== current) {
    const why = current === undefined ? `The ${what} does not exist any more` : `The ${what} is at revision ${current}`;
    throw new HoldfastError('stale', `${why}, not at ${input.expectedRevision}: read it again.`, {
      ...(current !== undefined && { current }),
    });
  }
  if (row && input.ifAbsent) throw new HoldfastError('exists', `A ${what} named '${input.name}' exists.`, { current });
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
