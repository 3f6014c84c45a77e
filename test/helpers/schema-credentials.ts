import type { Client } from '../../client/index.ts';

export const profiles = ['key', 'valid', 'refreshed', 'failed', 'removed'];

/** Secrets in every state that a credential can be in, as far as no clock is needed. */
export async function credentials(client: Client): Promise<void> {
  const login = { kind: 'oauth' as const, clientId: 'client', scopes: ['a', 'b'] };
  const expiresAt = '2100-01-01T00:00:00.000Z';
  await client.auth.put({ profile: 'key', kind: 'api-key', apiKey: 'fixture-key-1' });
  await client.auth.put({ profile: 'key', kind: 'api-key', apiKey: 'fixture-key-2', account: 'someone' });
  await client.auth.put({
    profile: 'valid',
    ...login,
    accessToken: 'fixture-access-é😀',
    refreshToken: 'r',
    expiresAt,
  });
  for (const profile of ['refreshed', 'failed'])
    await client.auth.put({ profile, kind: 'oauth', refreshToken: 'fixture-r1' });
  const [one, other] = [
    await client.auth.refresh({ profile: 'refreshed' }),
    await client.auth.refresh({ profile: 'failed' }),
  ];
  if (one.status !== 'granted' || other.status !== 'granted') throw new Error('no grant');
  const tokens = { accessToken: 'fixture-a2', refreshToken: 'fixture-r2', expiresAt };
  await client.auth.commitRefresh({ profile: 'refreshed', lease: one.lease, ...tokens });
  await client.auth.failRefresh({ profile: 'failed', lease: other.lease, reason: 'invalid_grant', fatal: true });
  await client.auth.put({ profile: 'removed', kind: 'api-key', apiKey: 'fixture-gone' });
  await client.auth.delete({ profile: 'removed' });
  const url = 'https://example.org/private.xml';
  await client.feeds.put({ name: 'basic', url, auth: { kind: 'basic', username: 'user', password: ' pass wörd ' } });
  await client.feeds.put({ name: 'bearer first', url, auth: { kind: 'bearer', token: 'fixture-token' } });
  await client.feeds.rename({ name: 'bearer first', to: 'bearer' });
}

/** What is asked with POST: the secrets. */
export const reveals = [
  ...profiles.map((profile) => `auth/${profile}/token`),
  ...['plain', 'basic', 'bearer'].map((name) => `feeds/${name}/credentials`),
];
