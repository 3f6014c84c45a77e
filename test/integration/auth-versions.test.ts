import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { send } from '../helpers/curl.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal, refused } from '../helpers/refusal.ts';
import { tamper } from '../helpers/tamper.ts';
import { restoreVersion } from '../helpers/versions.ts';

// Claudelet M6: what is put, removed or replaced by mistake can be restored, and no restore brings back a refresh token
// that was used up.

const profile = 'work';
const past = '2020-01-01T00:00:00.000Z';
const login = (n: number | string) => ({
  profile,
  kind: 'oauth' as const,
  accessToken: `access-${n}`,
  refreshToken: `refresh-${n}`,
  expiresAt: past,
  account: `me-${n}`,
});
const gone = { code: 'not_found', status: 404 };

describe('Claudelet M6: versions of a credential', () => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  const restore = (version: number) => restoreVersion(home.paths.socket, { version });
  beforeEach(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  const versions = async () =>
    (await client.auth.versions({ profile })).items.map(({ version, current }) =>
      current ? `${version}*` : `${version}`,
    );
  const grant = async () => {
    const answer = await client.auth.refresh({ profile });
    if (answer.status !== 'granted') throw new Error(`expected a grant, got ${answer.status}`);
    return answer;
  };
  const refreshTo = async (n: number | string) => {
    const { lease, refreshToken } = await grant();
    const { accessToken, refreshToken: next, expiresAt } = login(n);
    await client.auth.commitRefresh({ profile, lease, accessToken, refreshToken: next, expiresAt });
    return refreshToken;
  };

  it('put A, put B, restore A: A is current, also after a restart, and B can be restored', async () => {
    await client.auth.put({ profile, kind: 'api-key', apiKey: 'key-A', account: 'A' });
    await client.auth.put({ ...login('B'), expiresAt: null });
    expect(await versions()).toEqual(['2*', '1']);
    expect(await restore(1)).toMatchObject({ version: 1, kind: 'api-key', account: 'A', credentials: 'ok' });
    await daemon.end('SIGKILL');
    daemon = await home.start();
    expect(await client.auth.token({ profile })).toMatchObject({ apiKey: 'key-A' });
    expect(await versions()).toEqual(['2', '1*']);
    await restore(2);
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'access-B' });
    expect(itemsOf(await client.auth.list()).length).toBe(1);
  });

  it('can be restored by the client', async () => {
    for (const n of [1, 2]) await client.auth.put({ ...login(n), expiresAt: null });
    expect(await client.auth.restore({ profile, version: 1 })).toMatchObject({ version: 1 });
  });

  it('delete, then restore', async () => {
    await client.auth.put({ ...login(1), expiresAt: null });
    await client.auth.delete({ profile });
    expect(await refusal(client.auth.get({ profile }))).toMatchObject(gone);
    expect(await refusal(client.auth.token({ profile }))).toMatchObject(gone);
    expect(itemsOf(await client.auth.list())).toEqual([]);
    expect(await versions()).toEqual(['1']);
    await daemon.end();
    daemon = await home.start();
    expect(await restore(1)).toMatchObject({ version: 1, account: 'me-1' });
    expect(await client.auth.token({ profile })).toMatchObject({ accessToken: 'access-1' });
  });

  it('keeps five besides the current one, and none of their secrets longer', async () => {
    for (let n = 1; n <= 9; n++) await client.auth.put(login(n));
    expect(await versions()).toEqual(['9*', '8', '7', '6', '5', '4']);
    expect(await refusal(restore(3))).toMatchObject(gone);
    await restore(4);
    expect(await versions()).toEqual(['9', '8', '7', '6', '5', '4*']);
    await client.auth.put(login(10));
    // 5 was replaced the longest ago, 4 just now.
    expect(await versions()).toEqual(['10*', '9', '8', '7', '6', '4']);
    await daemon.end();
    const sealed = tamper(home.paths.database, (db) => db.prepare('SELECT count(*) AS n FROM secret').get());
    expect(sealed).toEqual({ n: 12 });
  });

  it('erase: no version is left, nor any of its sealed values', async () => {
    for (const n of [1, 2, 3]) await client.auth.put(login(n));
    await client.auth.delete({ profile });
    await client.auth.delete({ profile, erase: true });
    for (const call of [client.auth.get, client.auth.versions, () => restore(1)]) {
      expect(await refusal(call({ profile }))).toMatchObject(gone);
    }
    expect(await refusal(client.auth.delete({ profile, erase: true }))).toMatchObject(gone);
    await daemon.end();
    const rows = tamper(home.paths.database, (db) =>
      ['secret', 'credential'].map((table) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()),
    );
    expect(rows).toEqual([{ n: 0 }, { n: 0 }]);
  });

  it('the same put again is no new version, whoever sends it', async () => {
    const first = await client.auth.put(login(1));
    for (let n = 0; n < 8; n++) expect(await client.auth.put(login(1))).toEqual(first);
    expect(await versions()).toEqual(['1*']);
    const told = await client.auth.put({ ...login(1), account: 'other' });
    expect(told).toMatchObject({ version: 1, account: 'other' });
    expect(told.revision).not.toBe(first.revision);
    // A refresh token belongs to one version, or a grant of it could miss the current one.
    expect(await client.auth.put({ ...login(1), accessToken: 'access-2' })).toMatchObject({ version: 1 });
    expect(await client.auth.put(login(2))).toMatchObject({ version: 2 });
    expect(await client.auth.put(login(1))).toMatchObject({ version: 1 });
    expect(await versions()).toEqual(['2', '1*']);
  });

  it('a version has the newest tokens that it ever had', async () => {
    await client.auth.put(login(1));
    expect(await refreshTo('1b')).toBe('refresh-1');
    await client.auth.put(login(2));
    await restore(1);
    expect((await grant()).refreshToken).toBe('refresh-1b');
  });

  it('a refresh that ends after its version was replaced is kept for that version', async () => {
    await client.auth.put(login(1));
    const { lease } = await grant();
    await client.auth.put(login(2));
    const late = await client.auth.commitRefresh({
      profile,
      lease,
      accessToken: 'a-late',
      refreshToken: 'r-late',
      expiresAt: past,
    });
    expect(late).toMatchObject({ current: false, version: 1 });
    await restore(1);
    expect(await refreshTo('1c')).toBe('r-late');
  });

  it('no put and no restore makes a refresh token current that was used up', async () => {
    await client.auth.put(login(1));
    expect(await refreshTo('new')).toBe('refresh-1');
    expect(await refusal(client.auth.put(login(1)))).toMatchObject({ code: 'stale', status: 412 });
    await client.auth.put(login(2));
    expect(await refusal(client.auth.put(login(1)))).toMatchObject({ code: 'stale', status: 412 });
    await client.auth.delete({ profile });
    expect(await refusal(client.auth.put(login(1)))).toMatchObject({ code: 'stale', status: 412 });
    await restore(1);
    expect((await grant()).refreshToken).toBe('refresh-new');
  });

  it('one grant at a time, also over a put of the same refresh token', async () => {
    await client.auth.put(login(1));
    await grant();
    // A process that saves what it knows, with another access token.
    await client.auth.put({ ...login(1), accessToken: 'access-other' });
    const again = await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${profile}/refresh`, { waitMs: 0 });
    expect(refused(again)).toBe('503 refreshing');
  });

  it('what a refresh brought is not missed by a put of the same refresh token meanwhile', async () => {
    await client.auth.put(login(1));
    const { lease } = await grant();
    await client.auth.put({ ...login(1), accessToken: 'access-other' });
    await client.auth.commitRefresh({ profile, lease, accessToken: 'a-late', refreshToken: 'r-late' });
    const { items } = await client.auth.versions({ profile });
    expect(items.length).toBe(1);
    const next = await send(home.paths.socket, 'POST', `/v1/apps/test/auth/${profile}/refresh`, { waitMs: 0 });
    expect(next.json).not.toMatchObject({ refreshToken: 'refresh-1' });
  });

  it('a refresh token is remembered as used also after its version was pushed out', async () => {
    await client.auth.put(login(1));
    await refreshTo('1b');
    for (let n = 2; n <= 8; n++) await client.auth.put(login(n));
    expect(await refusal(client.auth.put(login(1)))).toMatchObject({ code: 'stale', status: 412 });
  });
});
