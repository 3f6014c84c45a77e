import type * as feeds from '../../../../shared/resources/feeds.ts';
import { dropSecrets, keepSecrets, readable, type Owner } from '../../seal.ts';
import type { Context, Tx } from '../../tx.ts';

/** What of a feed its secrets depend on. */
interface Identity {
  app: string;
  name: string;
  record: number;
  auth: feeds.Auth['kind'];
}

/** The secrets that each kind of authentication has. */
const fields = { none: [], basic: ['username', 'password'], bearer: ['token'] };

export const secretsOf = ({ auth }: Identity): string[] => fields[auth];
export const ownerOf = ({ app, name, record }: Identity): Owner => ({ app, kind: 'feed', record, name });

/** Stores the secrets of a feed in place of those it had. */
export async function setAuth(tx: Tx, row: Identity, auth: feeds.Auth, context: Context): Promise<void> {
  const { kind: _, ...secrets } = auth;
  await dropSecrets(tx, ownerOf(row));
  await keepSecrets(tx, context, ownerOf(row), secrets);
}

export async function credentialsOf(tx: Tx, row: Identity, context: Context): Promise<feeds.Feed['credentials']> {
  return row.auth === 'none' ? 'none' : readable(tx, context, ownerOf(row), secretsOf(row));
}
