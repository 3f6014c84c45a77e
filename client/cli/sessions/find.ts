import { HoldfastError } from '../../index.ts';
import type { Call } from '../command.ts';

/** The session whose id begins as was given. A shorter text than a prefix may be is a whole id or none. */
export async function find(call: Call, alsoDeleted = false): Promise<{ app: string; id: string }> {
  const [app, [given = '']] = [call.app(), call.args];
  if (Array.from(given).length < 4) return { app, id: given };
  try {
    return { app, ...(await call.client.sessions.resolve({ app, prefix: given })) };
  } catch (error) {
    // The operation itself knows whole ids of deleted sessions.
    if (alsoDeleted && error instanceof HoldfastError && error.code === 'not_found') return { app, id: given };
    // An export is had from any version, by the whole id; what is not is refused by what follows.
    if (error instanceof HoldfastError && error.code === 'incompatible') return { app, id: given };
    throw error;
  }
}
