import { describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { client, home, profile, useRefreshHome } from '../helpers/refresh-home.ts';
import { commit, grant, later, nextToken, put, restore } from '../helpers/refresh-steps.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: whether a commit counts is for the refresh token to say that was given out: while it is the stored one,
// what it brought is stored; and while one process has it, no other is given it. A put, a restore or a delete in between
// changes nothing of that.

useRefreshHome();

/** What a second process is told that does not wait. */
const second = async () =>
  (await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${profile}/refresh`, { waitMs: 0 })).json;
/** What leaves the stored refresh token as it is, while it is being used. */
const same: [string, () => Promise<unknown>][] = [
  ['a put of the same tokens', () => put('A1', 'R1')],
  ['a put of the same tokens with another account', () => put('A1', 'R1', { account: 'a@example.org' })],
  ['a restore of the current version', async () => restore((await client.auth.get({ profile })).version)],
  [
    'a put of another login, and a restore',
    async () => {
      const { version } = await client.auth.get({ profile });
      await put('B1', 'S1');
      await restore(version);
    },
  ],
  [
    'a delete and a restore',
    async () => {
      const { version } = await client.auth.get({ profile });
      await client.auth.delete({ profile });
      await restore(version);
    },
  ],
];
const sameByPut: [string, () => Promise<unknown>][] = [
  ['a put of another access token with the same refresh token', () => put('A1b', 'R1')],
  [
    'a delete and a put of the same tokens',
    async () => {
      await client.auth.delete({ profile });
      await put('A1', 'R1');
    },
  ],
];

describe('H6: while a refresh token is being used', () => {
  it.each(same)('%s gives it to nobody else, and the commit counts', async (_, change) => {
    await put('A1', 'R1');
    const { lease } = await grant();
    await change();
    expect(await second()).toMatchObject({ code: 'refreshing' });
    expect(await commit(lease)).toMatchObject({ current: true });
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'A2' });
    expect(await nextToken()).toBe('R2');
  });

  // A put whose secrets are not all the same is a version of its own, which knows nothing of the grant.
  it.each(sameByPut)('%s gives it to nobody else', async (_, change) => {
    await put('A1', 'R1');
    await grant();
    await change();
    expect(await second()).toMatchObject({ code: 'refreshing' });
  });

  // The same: what the issuer gave for the stored refresh token goes to a version that nobody reads.
  it.each(sameByPut)('%s does not keep out what it brought', async (_, change) => {
    await put('A1', 'R1');
    const { lease } = await grant();
    await change();
    expect(await commit(lease)).toMatchObject({ current: true });
    expect(await nextToken()).toBe('R2');
  });

  // The same, at the other end: a used refresh token is given out, and the next holder is told of no attempt before.
  it.each(sameByPut)('%s does not make a used one be given out as if it were new', async (_, change) => {
    await put('A1', 'R1', { clientId: profile });
    const { lease } = await grant();
    await change();
    await commit(lease);
    const next = await client.auth.refresh({ profile, rejected: 'A2' });
    expect(next).not.toMatchObject({ status: 'granted', refreshToken: 'R1' });
  });

  // The sixth put removes the version that was granted, and with it all that is known of the grant.
  it('many logins do not let a sibling refresh at the same time', async () => {
    await put('A1', 'R1', { clientId: profile });
    await grant();
    for (let n = 1; n <= 6; n++) await put(`B${n}`, `S${n}`, { clientId: profile });
    expect(await second()).toMatchObject({ code: 'refreshing' });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a put of another login', () => put('B1', 'S1', { expiresAt: later })],
    ['a put of an API key', () => client.auth.put({ profile, kind: 'api-key', apiKey: 'key-of-the-test' })],
  ])('%s is what is answered from then on, and the commit goes to its own version', async (_, change) => {
    await put('A1', 'R1');
    const { version } = await client.auth.get({ profile });
    const { lease } = await grant();
    await change();
    const before = await client.auth.token({ profile });
    expect(await commit(lease)).toMatchObject({ current: false, version });
    expect(await client.auth.token({ profile })).toEqual(before);
    await restore(version);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'A2' });
    expect(await nextToken()).toBe('R2');
  });

  it('a delete ends what is answered, and a restore brings the newest tokens back', async () => {
    await put('A1', 'R1');
    const { version } = await client.auth.get({ profile });
    const { lease } = await grant();
    await client.auth.delete({ profile });
    expect(await commit(lease)).toMatchObject({ current: false });
    expect((await refusal(client.auth.token({ profile }))).code).toBe('not_found');
    await restore(version);
    expect(await nextToken()).toBe('R2');
  });

  it('an erasure ends all of it', async () => {
    await put('A1', 'R1');
    const { lease } = await grant();
    await client.auth.delete({ profile, erase: true });
    expect((await refusal(commit(lease))).code).toBe('lease_expired');
    expect((await refusal(client.auth.failRefresh({ profile, lease, reason: 'no' }))).code).toBe('lease_expired');
    expect((await refusal(client.auth.get({ profile }))).code).toBe('not_found');
  });
});
