import { describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { changeOne, flipBit, mendSums, sealedRow, setSealed, tamper } from '../helpers/tamper.ts';

// Inkwell P2.2: what is opened is what was sealed, or it is an error that names feed and field only, and the other feeds
// are listed all the same.

const url = 'https://example.org/feed.xml';
const basic = { kind: 'basic' as const, username: 'me', password: 'pass word' };
const bearer = { kind: 'bearer' as const, token: 'token-1' };
const put = ({ feeds }: Client, name: string, auth?: typeof basic | typeof bearer | { kind: 'none' }) =>
  feeds.put({ name, url, ...(auth && { auth }) });

describe('Inkwell P2.2: the credentials of feeds', () => {
  it('every bit of a sealed token counts, and the other feeds are listed', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const client = home.client();
    await put(client, 'sound', basic);
    await put(client, 'first', bearer);
    await daemon.end();
    const { sealed: first } = tamper(home.paths.database, (db) => sealedRow(db, 'test', 'feed', 'token'));
    const bits = Buffer.from(first, 'base64url').length * 8;
    daemon = await home.start();
    const names = Array.from({ length: bits }, (_, bit) => `bit ${String(bit).padStart(4, '0')}`);
    for (const name of names) await put(client, name, bearer);
    await daemon.end();
    tamper(home.paths.database, (db) => {
      for (const [bit, name] of names.entries()) {
        const { record } = db.prepare('SELECT record FROM feed WHERE name = ?').get(name) as { record: number };
        const { sealed } = db.prepare('SELECT sealed FROM secret WHERE record = ?').get(record) as { sealed: string };
        changeOne(db, 'UPDATE secret SET sealed = ? WHERE record = ?', flipBit(sealed, bit), record);
      }
      mendSums(db, 'secret', bits);
    });
    await home.start();
    const listed = itemsOf(await client.feeds.list({ limit: 1000 }));
    const ok = listed.filter(({ credentials }) => credentials === 'ok').map(({ name }) => name);
    expect([listed.length, ok]).toEqual([bits + 2, ['first', 'sound']]);
    const error = await refusal(client.feeds.credentials({ name: 'bit 0200' }));
    expect(error).toMatchObject({ code: 'damaged', status: 422, details: { field: 'token' } });
    for (const word of ['bit 0200', 'test', 'token']) expect(error.message).toContain(word);
    expect(error.message).not.toContain('token-1');
    await put(client, 'bit 0200', bearer);
    expect(await client.feeds.credentials({ name: 'bit 0200' })).toEqual(bearer);
    expect(await client.feeds.credentials({ name: 'sound' })).toEqual(basic);
  });

  it('what was sealed for one place opens in no other: field, feed, kind, application, version, or another key', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const client = home.client();
    const other = home.client({ app: 'other' });
    for (const one of [client, other]) {
      for (const name of ['a', 'b']) await put(one, name, basic);
      await put(one, 'c', bearer);
      for (const n of [1, 2]) {
        await one.auth.put({
          profile: 'work',
          kind: 'oauth',
          accessToken: `access-${n}`,
          refreshToken: `refresh-${n}`,
        });
      }
      await one.pending.put({ state: 's', secret: 'verifier' });
    }
    await daemon.end();
    tamper(home.paths.database, (db) => {
      const rows = db.prepare("SELECT * FROM secret WHERE app = 'test' ORDER BY kind, record, field").all() as never[];
      const sealed = rows.map(({ sealed: text }) => text as string);
      // Everyone gets his neighbour's, the last one that of the other application's in the same place.
      for (const [index, row] of rows.entries()) {
        setSealed(db, row, sealed[index + 1] ?? sealedRow(db, 'other', 'pending', 'secret').sealed);
      }
      mendSums(db, 'secret', rows.length);
      expect(rows.length).toBe(10);
    });
    await home.start();
    for (const name of ['a', 'b', 'c']) {
      expect(await refusal(client.feeds.credentials({ name }))).toMatchObject({ code: 'damaged' });
    }
    expect(itemsOf(await client.feeds.list()).map(({ credentials }) => credentials)).toEqual(
      Array(3).fill('unreadable'),
    );
    const { items } = await client.auth.versions({ profile: 'work' });
    expect(items.map(({ credentials }) => credentials)).toEqual(['unreadable', 'unreadable']);
    expect(await refusal(client.auth.token({ profile: 'work' }))).toMatchObject({ details: { field: 'accessToken' } });
    expect(await refusal(client.pending.take({ state: 's' }))).toMatchObject({
      code: 'damaged',
      details: { field: 'secret' },
    });
    expect(await other.feeds.credentials({ name: 'a' })).toEqual(basic);
    expect(await other.auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-2' });
    expect(await other.pending.take({ state: 's' })).toMatchObject({ secret: 'verifier' });
  });

  it('stay over a put without auth, a patch and a rename; go with none, null and delete', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    const { feeds } = client;
    expect(await put(client, 'a', basic)).toMatchObject({ auth: { kind: 'basic' }, credentials: 'ok' });
    expect(await put(client, 'a')).toMatchObject({ auth: { kind: 'basic' }, credentials: 'ok' });
    await feeds.patch({ name: 'a', patch: { category: 'news' } });
    await feeds.rename({ name: 'a', to: 'b' });
    expect(await feeds.credentials({ name: 'b' })).toEqual(basic);
    expect(await refusal(feeds.credentials({ name: 'a' }))).toMatchObject({ code: 'not_found' });
    await put(client, 'a');
    expect(await feeds.credentials({ name: 'a' })).toEqual({ kind: 'none' });

    await feeds.patch({ name: 'b', patch: { auth: bearer } });
    expect(await feeds.credentials({ name: 'b' })).toEqual(bearer);
    await feeds.patch({ name: 'b', patch: { auth: null } });
    expect(await feeds.credentials({ name: 'b' })).toEqual({ kind: 'none' });
    await put(client, 'b', bearer);
    expect(await put(client, 'b', { kind: 'none' })).toMatchObject({ auth: { kind: 'none' }, credentials: 'none' });
    expect(await feeds.credentials({ name: 'b' })).toEqual({ kind: 'none' });

    await put(client, 'b', bearer);
    await feeds.delete({ name: 'b' });
    await put(client, 'b');
    expect(await feeds.credentials({ name: 'b' })).toEqual({ kind: 'none' });
  });

  it('a put that is refused for its revision changes no credentials', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    const { revision } = await put(client, 'a', basic);
    await put(client, 'a');
    const late = client.feeds.put({ name: 'a', url, auth: { kind: 'none' }, expectedRevision: revision });
    expect((await refusal(late)).code).toBe('stale');
    expect(await client.feeds.credentials({ name: 'a' })).toEqual(basic);
  });
});
