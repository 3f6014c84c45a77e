import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../helpers/curl.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal, refused } from '../helpers/refusal.ts';
import { changeOne, flipBit, mendSums, tamper } from '../helpers/tamper.ts';
import { restoreVersion } from '../helpers/versions.ts';

// What stands beside the sealed values: the row of a credential, the wrapped data key of an application, the answers
// that the log keeps sealed.

const oauth = (n: number) => ({ kind: 'oauth' as const, accessToken: `access-${n}`, refreshToken: `refresh-${n}` });

/** Damages of the row of the newest version, whose checksum stays as it was. */
const damages: Record<string, string> = {
  account: "account = 'you@example.org'",
  holds: "holds = '['",
  state: "state = 'needs_logio'",
  version: 'version = version | 16',
  'expires.huge': 'expires_at = 1 << 60',
  'stored.huge': 'stored_at = stored_at | (1 << 60)',
  'replaced.huge': 'replaced_at = 1 << 60',
};

describe('a damaged row of a credential', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = new TestHome();
    const daemon = await home.start();
    for (const app of [...Object.keys(damages), 'sound']) {
      const { auth } = home.client({ app });
      await auth.put({ profile: 'other', ...oauth(1) });
      for (const n of [1, 2]) await auth.put({ profile: 'work', ...oauth(n) });
    }
    await daemon.end();
    tamper(home.paths.database, (db) => {
      mendSums(db, 'credential', 0);
      for (const [app, set] of Object.entries(damages)) {
        changeOne(db, `UPDATE credential SET ${set} WHERE app = ? AND profile = 'work' AND version = 2`, app);
      }
    });
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  const told = async (app: string) => {
    const { auth } = home.client({ app });
    // One that looks replaced is no current version any more: what is left of it is told by the list of versions.
    if (app !== 'replaced.huge') {
      for (const call of [auth.get, auth.token, auth.refresh]) {
        const error = await refusal(call({ profile: 'work' }));
        expect(error).toMatchObject({ code: 'damaged', status: 422 });
        expect(error.message).toContain("'work'");
        expect(error.message).toContain(app);
      }
      const { items, damagedCount } = await auth.list();
      expect(damagedCount).toBe(1);
      expect(items).toMatchObject([{ profile: 'other' }, { id: 'work', damaged: {} }]);
    }
    expect(await auth.token({ profile: 'other' })).toMatchObject({ accessToken: 'access-1' });
    const { items } = await auth.versions({ profile: 'work' });
    expect(items.map(({ credentials }) => credentials)).toEqual(['unreadable', 'ok']);
    expect(await restoreVersion(home.paths.socket, { app, version: 1 })).toMatchObject({ version: 1 });
    expect(await auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-1' });
    await auth.put({ profile: 'work', ...oauth(3) });
    return auth.token({ profile: 'work' });
  };

  it.each(Object.keys(damages).filter((app) => !app.endsWith('huge')))(
    '%s: told by name, nothing else is lost, and a put heals it',
    async (app) => expect(await told(app)).toMatchObject({ accessToken: 'access-3' }),
  );
  // The list of versions makes a date of what was read from a damaged row: 500, and no version can be seen.
  it.each(Object.keys(damages).filter((app) => app.endsWith('huge')))('%s: the same', async (app) =>
    expect(await told(app)).toMatchObject({ accessToken: 'access-3' }),
  );
});

describe('a damaged data key', () => {
  it.each(['left', 'mended'])(
    'checksum %s: every secret of its application is told, no other, and a put heals',
    async (sum) => {
      await using home = new TestHome();
      const daemon = await home.start();
      for (const app of ['hit', 'sound']) {
        const { auth, feeds } = home.client({ app });
        await auth.put({ profile: 'work', ...oauth(1) });
        await feeds.put({ name: 'f', url: 'https://example.org/', auth: { kind: 'bearer', token: 'token-1' } });
      }
      await daemon.end();
      tamper(home.paths.database, (db) => {
        const { wrapped } = db.prepare("SELECT wrapped FROM data_key WHERE app = 'hit'").get() as { wrapped: string };
        changeOne(db, "UPDATE data_key SET wrapped = ? WHERE app = 'hit'", flipBit(wrapped, 200));
        if (sum === 'mended') mendSums(db, 'data_key', 1);
      });
      await home.start();
      const { auth, feeds, keys } = home.client({ app: 'hit' });
      expect(await refusal(auth.token({ profile: 'work' }))).toMatchObject({
        code: 'damaged',
        details: { field: 'accessToken' },
      });
      expect(await auth.get({ profile: 'work' })).toMatchObject({ credentials: 'unreadable' });
      expect(await feeds.get({ name: 'f' })).toMatchObject({ credentials: 'unreadable' });
      const sound = home.client({ app: 'sound' });
      expect(await sound.auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-1' });
      expect((await keys.status()).state).toBe('ok');

      await auth.put({ profile: 'work', ...oauth(2) });
      expect(await auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-2' });
      await feeds.patch({ name: 'f', patch: { auth: { kind: 'bearer', token: 'token-2' } } });
      expect(await feeds.credentials({ name: 'f' })).toMatchObject({ token: 'token-2' });
      expect(await sound.auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-1' });
    },
  );

  // A rotation refuses as long as any data key is damaged, for which there is no cure: the row stays for ever.
  it('does not keep the root key from being rotated for the others', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    for (const app of ['hit', 'sound']) await home.client({ app }).auth.put({ profile: 'work', ...oauth(1) });
    await daemon.end();
    tamper(home.paths.database, (db) => {
      changeOne(db, "UPDATE data_key SET wrapped = 'AQ' || substr(wrapped, 3, 40) WHERE app = 'hit'");
    });
    await home.start();
    const { keys, auth } = home.client({ app: 'sound' });
    const before = (await keys.status()).fingerprint;
    expect((await keys.rotate()).fingerprint).not.toBe(before);
    expect(await auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-1' });
  });
});

describe('an answer that the log keeps sealed', () => {
  it.each(['none', 'left', 'mended'] as const)('flipped, checksum %s: repeated whole, or not at all', async (sum) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const { auth, pending } = home.client();
    await pending.put({ state: 's', secret: 'verifier' });
    await auth.put({ profile: 'work', ...oauth(1), expiresAt: '2020-01-01T00:00:00.000Z' });
    const taken = await pending.take({ state: 's' }, { key: 'k' });
    const granted = await auth.refresh({ profile: 'work' }, { key: 'k' });
    expect(granted.status).toBe('granted');
    await daemon.end();
    tamper(home.paths.database, (db) => {
      for (const op of ['pending.take', 'auth.refresh']) {
        const { answer } = db.prepare('SELECT answer FROM log WHERE op = ? AND answer NOT NULL').get(op) as {
          answer: string;
        };
        expect(answer).not.toMatch(/verifier|refresh/);
        if (sum === 'none') continue;
        changeOne(db, 'UPDATE log SET answer = ? WHERE op = ? AND answer NOT NULL', flipBit(answer, 222), op);
      }
      if (sum === 'mended') mendSums(db, 'log', 2);
    });
    await home.start();
    const again = await Promise.allSettled([
      pending.take({ state: 's' }, { key: 'k' }),
      auth.refresh({ profile: 'work' }, { key: 'k' }),
    ]);
    const damaged = { reason: { code: 'damaged', status: 422 } };
    expect(again).toMatchObject(sum === 'none' ? [{ value: taken }, { value: granted }] : [damaged, damaged]);
    expect((await refusal(pending.take({ state: 's' }))).code).toBe('not_found');
    const second = await send(home.paths.socket, 'POST', '/v1/apps/test/auth/work/refresh', { waitMs: 0 });
    expect(refused(second)).toBe('503 refreshing');
  });
});
