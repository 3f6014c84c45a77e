import { HoldfastError } from '../../client/index.ts';

/** The error that a call is refused with; throws when the call succeeds or fails otherwise. */
export async function refusal(call: Promise<unknown>): Promise<HoldfastError> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof HoldfastError) return outcome;
  const text = outcome instanceof Error ? outcome.stack : JSON.stringify(outcome).slice(0, 500);
  throw new Error(`expected a HoldfastError, got ${text}`);
}
