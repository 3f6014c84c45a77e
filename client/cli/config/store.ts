import { differences, type Difference } from '../../../shared/differences.ts';
import type { Json } from '../../../shared/json.ts';
import { HoldfastError, type Client } from '../../index.ts';
import { merge, type Conflict } from './merge.ts';

/** A document as it is stored. */
export interface Stored {
  version: number;
  revision: string;
  value: Json;
}

/** The document, undefined where there is none. */
export async function storedOf(client: Client, app: string, name: string): Promise<Stored | undefined> {
  try {
    return (await client.config.get({ app, name })) as Stored;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'not_found') return undefined;
    throw error;
  }
}

export interface Outcome {
  /** What was in the store. */
  before: Stored | undefined;
  merged: Json | undefined;
  /** What the merge changes of it. */
  changes: Difference[];
  /** With any, nothing is stored. */
  conflicts: Conflict[];
  /** The version that was made, undefined where none was. */
  version: number | undefined;
}

export interface Edit {
  app: string;
  name: string;
  mine: Json;
  /** What `mine` was made from, by what is stored now; undefined where there was nothing. */
  baseOf: (stored: Stored | undefined) => Json | undefined;
  /** Whose value counts where both changed the same; a conflict when absent. */
  prefer?: 'file' | 'stored' | undefined;
  dryRun: boolean;
}

/** Stores what was changed here together with what was changed in the store meanwhile; again if that changes under it. */
export async function storeMerged(client: Client, edit: Edit): Promise<Outcome> {
  const { app, name, mine, baseOf, prefer, dryRun } = edit;
  for (;;) {
    const before = await storedOf(client, app, name);
    const base = baseOf(before);
    const both = merge(base, mine, before?.value);
    const merged = prefer === 'stored' ? merge(base, before?.value, mine).merged : both.merged;
    const conflicts = prefer === undefined ? both.conflicts : [];
    const changes = differences(before?.value, merged);
    const outcome = { before, merged, changes, conflicts, version: undefined };
    if (dryRun || conflicts.length > 0 || changes.length === 0) return outcome;
    const guard = before ? { expectedRevision: before.revision } : { ifAbsent: true };
    try {
      const { version } = await client.config.put({ app, name, value: merged, ...guard });
      return { ...outcome, version };
    } catch (error) {
      if (!(error instanceof HoldfastError) || (error.code !== 'stale' && error.code !== 'exists')) throw error;
    }
  }
}
