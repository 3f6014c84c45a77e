import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { granted } from '../helpers/secrets.ts';

// A refresh token that was used up is never stored again, whatever becomes of the version that knew it.

describe('a refresh token that a refresh has used up', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const put = (profile: string, refreshToken: string) => client.auth.put({ profile, kind: 'oauth', refreshToken });

  it.each<[string, (profile: string) => Promise<unknown>]>([
    ['an earlier version is restored', (profile) => client.auth.restore({ profile, version: 1 })],
    ['its profile is removed', (profile) => client.auth.delete({ profile })],
  ])('is refused also when %s and many logins came after that', async (profile, leave) => {
    await put(profile, 'earlier');
    await put(profile, 'used');
    const { lease } = await granted(client, profile);
    await client.auth.commitRefresh({ profile, lease, accessToken: 'access', refreshToken: 'next' });
    await leave(profile);
    for (let n = 1; n <= 7; n++) await put(profile, `later-${n}`);
    const kept = (await client.auth.versions({ profile })).items.map(({ version }) => version);
    // The version that was refreshed is gone.
    expect(kept).not.toContain(2);
    expect(await refusal(put(profile, 'used'))).toMatchObject({ code: 'stale', status: 412 });
    // What was stored and never exchanged is not remembered.
    expect(await put(profile, 'next')).toMatchObject({ state: 'ok' });
  });
});
