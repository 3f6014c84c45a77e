import { client, profile } from './refresh-home.ts';

// The steps of a refresh as a test takes them one by one, of its own profile: tokens are called A1 and R1, A2 and R2, ...

export const past = '2020-01-01T00:00:00.000Z';
export const later = '2999-01-01T00:00:00.000Z';

export const put = (accessToken: string, refreshToken: string, more: object = {}) =>
  client.auth.put({ profile, kind: 'oauth', accessToken, refreshToken, expiresAt: past, ...more });

export async function grant() {
  const answer = await client.auth.refresh({ profile });
  if (answer.status !== 'granted') throw new Error('expected a grant');
  return answer;
}

export const restore = (version: number) => client.auth.restore({ profile, version });

export const commit = (lease: string, n = 2) =>
  client.auth.commitRefresh({ profile, lease, accessToken: `A${n}`, refreshToken: `R${n}`, expiresAt: later });

/** The refresh token that a next holder would be given. */
export async function nextToken() {
  const answer = await client.auth.refresh({ profile, rejected: 'A2' });
  return answer.status === 'granted' ? answer.refreshToken : answer;
}
