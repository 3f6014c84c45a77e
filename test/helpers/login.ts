import type { Client } from '../../client/index.ts';
import type { Issued } from './issuer-tokens.ts';
import type { Issuer } from './issuer.ts';

interface LoginOptions {
  /** Life of the access token, over already when absent. */
  lifetimeMs?: number;
  clientId?: string;
}

/** Stores the tokens of a new login at the issuer, whose access token has ended unless said otherwise. */
export async function login(
  client: Client,
  issuer: Issuer,
  profile: string,
  { lifetimeMs = -1000, ...more }: LoginOptions = {},
): Promise<Issued> {
  const issued = issuer.issue({ lifetimeMs });
  await client.auth.put({ profile, kind: 'oauth', ...issued, ...more });
  return issued;
}
