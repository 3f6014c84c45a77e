/** What `client.auth.withToken` gives to the function that refreshes. */
export interface RefreshCall {
  refreshToken: string;
  previousAttempt?: 'failed' | 'unknown' | undefined;
  signal: AbortSignal;
}

export interface Refreshed {
  accessToken: string;
  refreshToken?: string;
  expiresAt?: string;
}

/** A refresh function as an application has one, for the issuer at `url`. It throws with `fatal` when only a login helps. */
export const refreshAt =
  (url: string) =>
  async ({ refreshToken, signal }: RefreshCall): Promise<Refreshed> => {
    const response = await fetch(new URL('/token', url), {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      signal,
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw failure(response.status, answer['error']);
    const { access_token: access, refresh_token: next, expires_in: seconds } = answer;
    if (typeof access !== 'string') throw new Error('the issuer answered without an access token');
    return {
      accessToken: access,
      ...(typeof next === 'string' && { refreshToken: next }),
      ...(typeof seconds === 'number' && { expiresAt: new Date(Date.now() + seconds * 1000).toISOString() }),
    };
  };

function failure(status: number, code: unknown): Error & { fatal?: true } {
  const error = new Error(`the issuer answered ${status} ${String(code)}`);
  return code === 'invalid_grant' ? Object.assign(error, { fatal: true as const }) : error;
}

/** The status with which the API of the issuer at `url` answers a call: 401 when the access token is not live. */
export async function callApi(url: string, accessToken: string): Promise<number> {
  const response = await fetch(new URL('/api', url), { headers: { authorization: `Bearer ${accessToken}` } });
  await response.body?.cancel();
  return response.status;
}
