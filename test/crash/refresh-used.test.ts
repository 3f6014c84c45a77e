import { describe, expect, it } from 'vitest';
import { client, profile, useRefreshHome } from '../helpers/refresh-home.ts';
import { commit, grant, nextToken, put, restore } from '../helpers/refresh-steps.ts';
import { refusal } from '../helpers/refusal.ts';

// Invariant: tokens never go back. What was used up, restored late or said late of an earlier refresh token does not touch
// the tokens that are newer.

useRefreshHome();

describe('H6: a refresh token that was used up', () => {
  it('is put back by no put and no restore', async () => {
    await put('A1', 'R1');
    await put('A1b', 'R1');
    await commit((await grant()).lease);
    expect((await refusal(put('A1', 'R1'))).code).toBe('stale');
    const { items } = await client.auth.versions({ profile });
    const old = items.filter(({ current }) => !current);
    for (const { version } of old) expect((await refusal(restore(version))).code).toBe('stale');
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'A2' });
    expect(await nextToken()).toBe('R2');
  });

  it('is put back by no process that read it many refreshes ago', async () => {
    await put('A1', 'R1');
    let rejected: string | undefined;
    for (let n = 2; n <= 20; n++) {
      const answer = await client.auth.refresh({ profile, ...(rejected !== undefined && { rejected }) });
      if (answer.status === 'granted') await commit(answer.lease, n);
      rejected = `A${n}`;
    }
    expect((await refusal(put('A1', 'R1'))).code).toBe('stale');
  });
});

describe('M6: the client', () => {
  it('restores a version by its number', async () => {
    await put('A1', 'R1');
    await put('B1', 'S1');
    expect(await client.auth.restore({ profile, version: 1 })).toMatchObject({ version: 1 });
  });
});

describe('H6: a failure that is told late', () => {
  it('changes nothing when tokens were stored since', async () => {
    await put('A1', 'R1');
    const { lease } = await grant();
    await commit(lease);
    const before = await client.auth.get({ profile });
    const call = client.auth.failRefresh({ profile, lease, reason: 'no', fatal: true });
    expect((await refusal(call)).code).toBe('lease_expired');
    expect(await client.auth.get({ profile })).toEqual(before);
  });

  it('for a version that was replaced does not touch the new login', async () => {
    await put('A1', 'R1');
    const { lease } = await grant();
    await put('B1', 'S1');
    await client.auth.failRefresh({ profile, lease, reason: 'no', fatal: true });
    expect(await client.auth.get({ profile })).toMatchObject({ state: 'ok', reason: null, previousAttempt: null });
    expect(await nextToken()).toBe('S1');
  });
});
