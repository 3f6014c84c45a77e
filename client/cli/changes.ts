import { HoldfastError, type Change, type Client } from '../index.ts';

type Wanted = Parameters<Client['changes']>[0];

/**
 * Changes, over places where some are no longer kept or cannot be read: there it answers the error that says so, and goes
 * on behind them.
 */
export async function* changesOver(client: Client, wanted: Wanted): AsyncGenerator<Change | HoldfastError, void> {
  for (let after = wanted?.after; ;) {
    try {
      yield* client.changes({ ...wanted, after });
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.details.floor === undefined) throw error;
      after = error.details.floor;
      yield error;
    }
  }
}
