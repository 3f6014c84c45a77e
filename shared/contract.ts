import * as feeds from './resources/feeds.ts';
import * as sessions from './resources/sessions.ts';
import * as system from './resources/system.ts';

/** Everything that crosses the socket. Its three consumers: the daemon's routes, the client, the OpenAPI document. */
export const contract = { system, feeds, sessions } as const;

/** The groups that the store implements; `system` is the daemon's own. */
export type StoreContract = Omit<typeof contract, 'system'>;
