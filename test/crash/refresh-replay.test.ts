import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { uuidv7, type Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// Invariant: a grant is given once. The same key gets the same grant while it holds, and 409 when it is over: never a
// second one, and never the refresh token of one that is over.

let home: TestHome;
let daemon: DaemonProcess;
let client: Client;
let profile = '';
let key = '';
let lease = '';
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
  client = home.client();
});
beforeEach(({ task }) => {
  profile = task.id;
  key = uuidv7();
});
afterAll(() => home[Symbol.asyncDispose]());

const past = '2020-01-01T00:00:00.000Z';
const put = (n = 1, clientId?: string) =>
  client.auth.put({
    profile,
    kind: 'oauth',
    accessToken: `access-${n}`,
    refreshToken: `refresh-${n}`,
    expiresAt: past,
    clientId,
  });
const ask = (leaseMs = 60_000) => client.auth.refresh({ profile, waitMs: 0, leaseMs }, { key, deadlineMs: 5000 });
/** A grant of this test's key; answers what the daemon said. */
async function grant(leaseMs?: number) {
  const answer = await ask(leaseMs);
  if (answer.status !== 'granted') throw new Error('expected a grant');
  ({ lease } = answer);
  return answer;
}
const known = () => client.auth.get({ profile });
const leaseIsOver = () => until('the lease is over', async () => (await known()).refreshing === null);
const restart = async () => {
  await daemon.end('SIGKILL');
  daemon = await home.start();
};

describe('acceptance 5: a grant that is asked for again with its key', () => {
  it.each([
    ['at once', async () => {}],
    ['after a restart', restart],
    [
      'after the daemon was stopped',
      async () => {
        await daemon.end();
        daemon = await home.start();
      },
    ],
  ])('is the same while it holds: %s', async (_, before) => {
    await put();
    const first = await grant();
    await before();
    const { revision } = await known();
    expect(await ask()).toEqual(first);
    expect((await known()).revision).toBe(revision);
  });

  const ends: [string, () => Promise<unknown>][] = [
    ['a commit', () => client.auth.commitRefresh({ profile, lease, accessToken: 'new', refreshToken: 'refresh-new' })],
    [
      'a commit of tokens that have expired',
      () => client.auth.commitRefresh({ profile, lease, accessToken: 'new', expiresAt: past }),
    ],
    ['a failure', () => client.auth.failRefresh({ profile, lease, reason: 'no' })],
    ['a fatal failure', () => client.auth.failRefresh({ profile, lease, reason: 'no', fatal: true })],
    ['a put', () => put(2)],
    ['a delete', () => client.auth.delete({ profile })],
    ['an erasure', () => client.auth.delete({ profile, erase: true })],
    [
      'a delete and a put',
      async () => {
        await client.auth.delete({ profile });
        await put(2);
      },
    ],
    [
      'a commit and another grant',
      async () => {
        await client.auth.commitRefresh({ profile, lease, accessToken: 'new', expiresAt: past });
        await client.auth.refresh({ profile });
      },
    ],
  ];
  it.each(ends)('is 409 lease_expired after %s', async (_, end) => {
    await put();
    await grant();
    await end();
    const before = await known().catch(() => undefined);
    for (const again of [async () => {}, restart]) {
      await again();
      const { code, status, message } = await refusal(ask());
      expect([code, status]).toEqual(['lease_expired', 409]);
      expect(message).not.toContain('refresh-1');
      expect(await known().catch(() => undefined)).toEqual(before);
    }
  });

  it('is 409 lease_expired when its time is over, also while another one has a grant', async () => {
    await put();
    await grant(1000);
    await leaseIsOver();
    expect((await refusal(ask(1000))).code).toBe('lease_expired');
    expect(await known()).toMatchObject({ refreshing: null, previousAttempt: 'unknown' });
    await restart();
    expect((await refusal(ask(1000))).code).toBe('lease_expired');
    const second = await client.auth.refresh({ profile });
    expect(second).toMatchObject({ status: 'granted', previousAttempt: 'unknown' });
    expect(second).not.toMatchObject({ lease });
    expect((await refusal(ask(1000))).code).toBe('lease_expired');
    // Red control: without a key that was used, the call is a new one, and is told so.
    key = uuidv7();
    expect((await refusal(ask(1000))).code).toBe('refreshing');
  });

  it('is refused for another request', async () => {
    await put();
    await grant();
    expect((await refusal(ask(30_000))).code).toBe('key_reused');
  });

  it('was no grant when it was refused, so that it may become one', async () => {
    await put();
    const other = await client.auth.refresh({ profile });
    expect((await refusal(ask())).code).toBe('refreshing');
    if (other.status !== 'granted') throw new Error('expected a grant');
    await client.auth.commitRefresh({ profile, lease: other.lease, accessToken: 'new', expiresAt: past });
    expect(await ask()).toMatchObject({ status: 'granted', refreshToken: 'refresh-1' });
  });

  it('is not kept when it was a token: what was good then may be so no longer', async () => {
    await put();
    const { lease: first } = await grant();
    const later = uuidv7();
    const far = new Date(Date.now() + 3_600_000).toISOString();
    await client.auth.commitRefresh({ profile, lease: first, accessToken: 'access-2', expiresAt: far });
    const call = () => client.auth.refresh({ profile }, { key: later });
    expect(await call()).toMatchObject({ status: 'fresh', accessToken: 'access-2' });
    await put(3);
    expect(await call()).toMatchObject({ status: 'granted', refreshToken: 'refresh-3' });
  });
});

describe('acceptance 5: a commit that is sent again with its key', () => {
  it('is answered as before and stores nothing, also after a restart and after newer tokens', async () => {
    await put();
    await grant();
    const commit = () =>
      client.auth.commitRefresh({ profile, lease, accessToken: 'access-2', refreshToken: 'refresh-2' }, { key });
    const first = await commit();
    await restart();
    expect(await commit()).toEqual(first);
    await put(3);
    expect(await commit()).toEqual(first);
    expect(await client.auth.refresh({ profile })).toMatchObject({ refreshToken: 'refresh-3' });
    key = uuidv7();
    expect((await refusal(commit())).code).toBe('lease_expired');
  });

  it.each(['', 'x', '0.0.0', '1', '..', 'NaN.NaN.NaN', '1e3.1e3.1e3'])('is refused for the lease %j', async (wrong) => {
    await put();
    await grant();
    const call = client.auth.commitRefresh({ profile, lease: wrong, accessToken: 'access-2' });
    expect((await refusal(call)).code).toBe('lease_expired');
    expect((await known()).refreshing).not.toBeNull();
  });

  it('is refused with the lease of another profile, and with the position of another change', async () => {
    const { revision } = await put();
    await grant();
    const theirs = lease;
    const changed = lease.replace(/^([^.]+)\.\d+/, `$1.${revision.split('.')[1] ?? ''}`);
    profile = `${profile}-other`;
    key = uuidv7();
    await put();
    await grant();
    for (const [of, wrong] of [
      [profile, theirs],
      [profile.replace('-other', ''), lease],
      [profile.replace('-other', ''), changed],
    ] as const) {
      const call = client.auth.commitRefresh({ profile: of, lease: wrong, accessToken: 'access-2' });
      expect((await refusal(call)).code).toBe('lease_expired');
    }
  });
});
