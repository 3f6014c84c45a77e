import * as kinds from './kinds.ts';
import * as batch from './resources/batch.ts';
import * as changes from './resources/changes.ts';
import * as keys from './resources/keys.ts';
import * as system from './resources/system.ts';

/** Everything that crosses the socket. Its three consumers: the daemon's routes, the client, the OpenAPI document. */
export const contract = { system, keys, batch, changes, ...kinds };

/** The groups that the store implements; the others are the daemon's own. */
export type StoreContract = typeof kinds;
