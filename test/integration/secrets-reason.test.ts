import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { granted, Markers } from '../helpers/secrets.ts';

// The reason of a refresh that failed is kept in the open and shown to people, and applications put into it what the
// issuer said, or the request that it refused.

const form = (secret: string) => new URLSearchParams({ refresh_token: secret }).toString();
const quotes: Record<string, (refresh: string, access: string) => string> = {
  'as it is': (refresh) => `invalid_grant: ${refresh}`,
  'both of them': (refresh, access) => `${access} has expired, ${refresh} was refused, ${refresh}`,
  'in a header': (_, access) => `401 for Authorization: Bearer ${access}`,
  'in JSON': (refresh) => `sent ${JSON.stringify({ refresh_token: refresh })}`,
  'in a form': (refresh) => `sent grant_type=refresh_token&${form(refresh)}`,
  'in a URL': (refresh) => `sent https://issuer.example/token?refresh_token=${encodeURIComponent(refresh)}`,
};

const tellWhole = (client: Client, profile: string, error: Error) =>
  client.auth.withToken(profile, () => Promise.reject(error)).catch(() => undefined);
const tellCut = async (client: Client, profile: string, { message }: Error) => {
  const { lease } = await granted(client, profile);
  return client.auth.failRefresh({ profile, lease, reason: message.slice(0, 2000) });
};

describe('C2: the reason of a failed refresh that quotes a secret', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    await home.start({ env: { HOLDFAST_LOG_LEVEL: 'trace' } });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  /** The reason that is kept, after a failure for this one. */
  const keptOf = async (profile: string, secrets: { refreshToken: string; accessToken: string }, reason: string) => {
    const client = home.client();
    await client.auth.put({ profile, kind: 'oauth', ...secrets, expiresAt: '2020-01-01T00:00:00Z' });
    const { lease } = await granted(client, profile);
    const answer = await client.auth.failRefresh({ profile, lease, reason });
    const read = await client.auth.get({ profile });
    expect(read.reason).toBe(answer.reason);
    return answer.reason ?? '';
  };

  /** Where a secret is found after a failure whose reason quotes it so. */
  const leaksOf = async (name: string) => {
    const markers = new Markers();
    const secrets = { refreshToken: markers.password('refresh'), accessToken: markers.token('access') };
    const kept = await keptOf(name, secrets, quotes[name]?.(secrets.refreshToken, secrets.accessToken) ?? '');
    return { redacted: kept.includes('[redacted]'), kept: markers.in(kept), disk: markers.below(home.home) };
  };
  const none = { redacted: true, kept: [], disk: [] };
  it.each(Object.keys(quotes))('%s keeps none', async (name) => expect(await leaksOf(name)).toEqual(none));

  // If the shorter one were replaced first, what is left of the longer one would stay.
  it('keeps nothing of a token that begins with the other one', async () => {
    const markers = new Markers();
    const accessToken = markers.token('access');
    const rest = markers.token('rest of the refresh token');
    const kept = await keptOf(
      'longer',
      { accessToken, refreshToken: accessToken + rest },
      `${accessToken}${rest} was refused`,
    );
    expect(markers.in(kept)).toEqual([]);
  });

  /** What is kept of a token that a failure quotes so that the longest reason ends within it, when it is told like this. */
  const cutOff = async (
    profile: string,
    tell: (client: Client, profile: string, error: Error) => Promise<unknown>,
  ): Promise<string | undefined> => {
    const client = home.client();
    const refreshToken = new Markers().token('refresh');
    await client.auth.put({ profile, kind: 'oauth', refreshToken });
    await tell(client, profile, new Error(`${'x'.repeat(1950)} refresh_token=${refreshToken} was refused`));
    const { reason } = await client.auth.get({ profile });
    expect(reason).toContain('xxx refresh_token=');
    return reason?.includes(refreshToken.slice(0, 12)) === true ? 'a part' : undefined;
  };

  it('keeps no part of a token that is longer than there is room for', async () =>
    expect(await cutOff('cut', tellWhole)).toBeUndefined());

  // The daemon cannot know it again.
  it('red control: a part is kept when a text is cut before', async () =>
    expect(await cutOff('cut before', tellCut)).toBe('a part'));

  // A text of a letter or two is in every sentence.
  it('stays readable when a token is short', async () => {
    expect(await keptOf('short', { accessToken: 'e', refreshToken: 'r' }, 'the issuer refused')).toBe(
      'the issuer refused',
    );
  });

  it('red control: what is no secret of the credential is kept', async () => {
    const markers = new Markers();
    const reason = markers.token('reason');
    const kept = await keptOf('control', { accessToken: 'some access', refreshToken: 'some refresh' }, reason);
    expect(markers.in(kept)).toEqual(['reason: raw']);
  });
});
