import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { bitsOf, flipBit, mendSums, sealedRow, setSealed, tamper } from '../helpers/tamper.ts';
import { restoreVersion } from '../helpers/versions.ts';

// Acceptance 3 of the credentials: one flipped bit in a sealed value is a typed error that names application, profile and
// field; everything else is served, the version before can be restored, and what is stored anew is good.

const past = '2020-01-01T00:00:00.000Z';
const oauth = (n: number) => ({
  profile: 'work',
  kind: 'oauth' as const,
  accessToken: `access-${n}`,
  refreshToken: `refresh-${n}`,
  account: 'me@example.org',
});
const apiKey = (n: number) => ({ profile: 'work', kind: 'api-key' as const, apiKey: `key-${n}` });

/** Each secret of a credential: how it is stored, and the call that needs it. */
const fields = {
  accessToken: { put: oauth, use: (client: Client) => client.auth.token({ profile: 'work' }) },
  refreshToken: {
    put: (n: number) => ({ ...oauth(n), expiresAt: past }),
    use: (client: Client) => client.auth.refresh({ profile: 'work' }),
  },
  apiKey: { put: apiKey, use: (client: Client) => client.auth.token({ profile: 'work' }) },
};
const names = ['accessToken', 'refreshToken', 'apiKey'] as const;
const sums = ['left', 'mended'] as const;
/** Applications by what was damaged, whether the checksum was mended, and the part of the value. */
const cases = names.flatMap((field) =>
  sums.flatMap((sum) =>
    [0, 1, 2, 3, 4].map((part) => ({ field, sum, part, app: `${field.toLowerCase()}.${sum}.${part}` })),
  ),
);

describe('one flipped bit in a sealed value', () => {
  let home: TestHome;
  const of = (app: string) => home.client({ app });
  beforeAll(async () => {
    home = new TestHome();
    const daemon = await home.start();
    for (const { field, app } of [...cases, { field: 'accessToken' as const, app: 'sound' }]) {
      const client = of(app);
      await client.auth.put({ profile: 'other', kind: 'api-key', apiKey: 'other-key' });
      await client.auth.put(fields[field].put(1));
      await client.auth.put(fields[field].put(2));
    }
    await daemon.end();
    tamper(home.paths.database, (db) => {
      mendSums(db, 'secret', 0);
      const flip = ({ field, part, app }: (typeof cases)[number]) => {
        const row = sealedRow(db, app, 'credential', field);
        setSealed(db, row, flipBit(row.sealed, bitsOf(row.sealed)[part] ?? 0));
      };
      const [left, mended] = sums.map((sum) => cases.filter((one) => one.sum === sum));
      mended?.forEach(flip);
      mendSums(db, 'secret', cases.length / 2);
      left?.forEach(flip);
    });
    await home.start();
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('red control: without the flip nothing is told', async () => {
    const client = of('sound');
    expect(await client.auth.get({ profile: 'work' })).toMatchObject({ credentials: 'ok' });
    expect(await client.auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-2' });
  });

  it.each(cases)('$field, part $part, checksum $sum', async ({ field, app }) => {
    const client = of(app);
    const { put, use } = fields[field];
    const error = await refusal(use(client));
    expect(error).toMatchObject({ code: 'damaged', status: 422, retryable: false, details: { field } });
    for (const name of [app, 'work', field]) expect(error.message).toContain(name);
    const shown = { profile: 'work', version: 2, credentials: 'unreadable' };
    expect(await client.auth.get({ profile: 'work' })).toMatchObject(shown);
    const listed = itemsOf(await client.auth.list());
    expect(listed).toMatchObject([{ profile: 'other', credentials: 'ok' }, shown]);
    expect(await client.auth.token({ profile: 'other' })).toMatchObject({ apiKey: 'other-key' });
    const { items } = await client.auth.versions({ profile: 'work' });
    expect(items).toMatchObject([
      { version: 2, current: true, credentials: 'unreadable' },
      { version: 1, current: false, credentials: 'ok' },
    ]);

    expect(await restoreVersion(home.paths.socket, { app, version: 1 })).toMatchObject({
      version: 1,
      credentials: 'ok',
    });
    const used = JSON.stringify(await use(client));
    expect(used).toMatch(/(access|refresh|key)-1/);
    expect(await refusal(restoreVersion(home.paths.socket, { app, version: 2 }))).toMatchObject({
      code: 'damaged',
      details: { field },
    });
    expect(await client.auth.put(put(3))).toMatchObject({ version: 3, credentials: 'ok' });
  });
});

describe('what is stored anew over a damaged secret', () => {
  it('is good, whether by a put or by a refresh', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    for (const app of ['put', 'same', 'refresh']) await home.client({ app }).auth.put(oauth(1));
    await daemon.end();
    tamper(home.paths.database, (db) => {
      for (const app of ['put', 'same', 'refresh']) {
        const row = sealedRow(db, app, 'credential', 'accessToken');
        setSealed(db, row, flipBit(row.sealed, 200));
      }
      mendSums(db, 'secret', 3);
    });
    await home.start();
    const token = (app: string) => home.client({ app }).auth.token({ profile: 'work' });
    for (const app of ['put', 'same', 'refresh']) expect((await refusal(token(app))).code).toBe('damaged');
    await home.client({ app: 'put' }).auth.put(oauth(2));
    expect(await token('put')).toMatchObject({ accessToken: 'access-2' });
    await home.client({ app: 'same' }).auth.put(oauth(1));
    expect(await token('same')).toMatchObject({ accessToken: 'access-1' });

    const { auth } = home.client({ app: 'refresh' });
    const grant = await auth.refresh({ profile: 'work' });
    if (grant.status !== 'granted') throw new Error('expected a grant');
    expect(grant.refreshToken).toBe('refresh-1');
    await auth.commitRefresh({ profile: 'work', lease: grant.lease, accessToken: 'access-3', expiresAt: null });
    expect(await token('refresh')).toMatchObject({ accessToken: 'access-3' });
    expect(await auth.get({ profile: 'work' })).toMatchObject({ credentials: 'ok' });
  });
});
