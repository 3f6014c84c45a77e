import { HoldfastError, type Client } from '../../../client/index.ts';

export interface OAuthTokens {
  type: 'oauth';
  refresh: string;
  access: string;
  /** Milliseconds since 1970. */
  expires: number;
}

export type StoredAuth = { type: 'api-key'; apiKey: string } | { type: 'oauth'; oauthTokens: OAuthTokens };

/** What the application needs to make a call: the refresh token stays where it is. */
export type LoadedAuth =
  { type: 'api-key'; apiKey: string } | { type: 'oauth'; oauthTokens: Omit<OAuthTokens, 'refresh'> };

/** Claudelet's auth storage; `refreshTokens` asks the issuer, for all processes that want a token at that time. */
export function authStorage(client: Client, refreshTokens: (refresh: string) => Promise<OAuthTokens>) {
  const profile = 'default';
  const refresh = async ({ refreshToken }: { refreshToken: string }) => {
    const { access, refresh: next, expires } = await refreshTokens(refreshToken);
    return { accessToken: access, refreshToken: next, expiresAt: new Date(expires).toISOString() };
  };
  return {
    /** Keeps the one before as a version. */
    async saveAuth(auth: StoredAuth): Promise<void> {
      if (auth.type === 'api-key') {
        await client.auth.put({ profile, kind: auth.type, apiKey: auth.apiKey });
        return;
      }
      const { access, refresh: refreshToken, expires } = auth.oauthTokens;
      const expiresAt = new Date(expires).toISOString();
      await client.auth.put({ profile, kind: auth.type, accessToken: access, refreshToken, expiresAt });
    },
    /** A token that is good for five minutes, refreshed if it must be; null when nobody is logged in. */
    async loadAuth(): Promise<LoadedAuth | null> {
      try {
        const { kind: type } = await client.auth.get({ profile });
        const { accessToken: access, expiresAt } = await client.auth.withToken(profile, refresh);
        if (type === 'api-key') return { type, apiKey: access };
        return { type, oauthTokens: { type, access, expires: expiresAt === null ? Infinity : Date.parse(expiresAt) } };
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'not_found') return null;
        throw error;
      }
    },
    async clearAuth(): Promise<void> {
      await client.auth.delete({ profile });
    },
    /** Takes a logout, or a login that was wrong, back. */
    async restoreAuth(version: number): Promise<void> {
      await client.auth.restore({ profile, version });
    },
  };
}
