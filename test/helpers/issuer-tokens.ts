import { randomBytes } from 'node:crypto';

/** The tokens that come from one login: `current` is the only refresh token that is good. */
interface Family {
  current: string;
  revoked: boolean;
}

export interface Issued {
  accessToken: string;
  refreshToken: string;
  expiresAt: string;
}

const newToken = (kind: 'access' | 'refresh') => `${kind}-${randomBytes(33).toString('base64url')}`;

/** The rules of an issuer that rotates refresh tokens (RFC 9700, section 4.14.2): one presented twice ends its family. */
export class IssuerTokens {
  readonly #families = new Map<string, Family>();
  readonly #access = new Map<string, { family: Family; endsAt: number }>();

  /** A new login. */
  issue(lifetimeMs: number): Issued {
    const refreshToken = newToken('refresh');
    const family: Family = { current: refreshToken, revoked: false };
    this.#families.set(refreshToken, family);
    const accessToken = this.#grant(family, lifetimeMs);
    return { accessToken, refreshToken, expiresAt: new Date(Date.now() + lifetimeMs).toISOString() };
  }

  /** New tokens for a refresh token, or why there are none. With `keep`, the refresh token stays as it is. */
  refresh(refreshToken: string, lifetimeMs: number, keep: boolean) {
    const family = this.#families.get(refreshToken);
    if (!family) return 'unknown';
    if (family.current !== refreshToken) {
      family.revoked = true;
      return 'used';
    }
    if (family.revoked) return 'revoked';
    if (!keep) {
      family.current = newToken('refresh');
      this.#families.set(family.current, family);
    }
    return { accessToken: this.#grant(family, lifetimeMs), refreshToken: family.current };
  }

  isLive(accessToken: string): boolean {
    const found = this.#access.get(accessToken);
    return found !== undefined && !found.family.revoked && Date.now() < found.endsAt;
  }

  revoke(accessToken: string): void {
    if (!this.#access.delete(accessToken)) throw new Error('no such access token was issued, or it is revoked already');
  }

  #grant(family: Family, lifetimeMs: number): string {
    const accessToken = newToken('access');
    this.#access.set(accessToken, { family, endsAt: Date.now() + lifetimeMs });
    return accessToken;
  }
}
