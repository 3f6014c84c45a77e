import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { documented } from '../helpers/documented.ts';
import { openModes } from '../helpers/marker.ts';
import { itemsOf } from '../helpers/pages.ts';
import { refusal } from '../helpers/refusal.ts';
import { beside, faults } from '../helpers/root-key.ts';

// Finding P2.7, acceptance 4 of the credentials: whatever becomes of the root key, reads create nothing, health says what
// is wrong, what needs no secret works, and the recovery code, or the file put back, opens everything at once.

const url = 'https://example.org/feed.xml';
const past = '2020-01-01T00:00:00.000Z';
const oauth = { kind: 'oauth' as const, accessToken: 'access-1', refreshToken: 'refresh-1' };
const bearer = { kind: 'bearer' as const, token: 'feed-token' };

async function fill({ auth, feeds, pending, sessions }: Client) {
  await auth.put({ profile: 'work', ...oauth });
  await auth.put({ profile: 'old', ...oauth, expiresAt: past });
  await feeds.put({ name: 'secret', url, auth: bearer });
  await feeds.put({ name: 'open', url });
  await pending.put({ state: 's', secret: 'verifier' });
  await sessions.create({ id: 's' });
}

/** Everything that needs a secret, by its operation. */
const secretCalls: [name: string, call: (client: Client) => Promise<unknown>][] = [
  ['auth.token', ({ auth }) => auth.token({ profile: 'work' })],
  ['auth.refresh', ({ auth }) => auth.refresh({ profile: 'old' })],
  ['auth.put', ({ auth }) => auth.put({ profile: 'work', ...oauth, accessToken: 'access-2' })],
  ['auth.put of a new application', ({ auth }) => auth.put({ app: 'new', profile: 'work', ...oauth })],
  ['auth.restore', ({ auth }) => auth.restore({ profile: 'work', version: 1 })],
  ['feeds.credentials', ({ feeds }) => feeds.credentials({ name: 'secret' })],
  ['feeds.put', ({ feeds }) => feeds.put({ name: 'secret', url, auth: { kind: 'bearer', token: 'other' } })],
  ['pending.put', ({ pending }) => pending.put({ state: 't', secret: 'verifier-2' })],
  ['pending.take', ({ pending }) => pending.take({ state: 's' })],
  ['keys.backup', ({ keys }) => keys.backup()],
  ['keys.rotate', ({ keys }) => keys.rotate()],
];

async function expectFault(client: Client, code: string) {
  expect((await client.keys.status()).state).toBe(code);
  expect((await client.keys.status()).detail).not.toBe('');
  expect(await client.system.health()).toMatchObject({
    status: 'degraded',
    reasons: expect.arrayContaining([code]) as string[],
  });
  for (const [name, call] of secretCalls) {
    expect([name, await refusal(call(client))]).toMatchObject([name, { status: 409, code, retryable: false }]);
    expect([name, documented(name.split(' ')[0] ?? '')]).toEqual([name, expect.arrayContaining([`409 ${code}`])]);
  }
  expect((await refusal(client.keys.init({}))).code).toBe('exists');
}

async function expectRest({ auth, feeds, sessions }: Client) {
  const unreadable = { credentials: 'unreadable' };
  expect(itemsOf(await auth.list())).toMatchObject([unreadable, unreadable]);
  expect(await auth.get({ profile: 'work' })).toMatchObject({ ...unreadable, holds: ['accessToken', 'refreshToken'] });
  expect((await auth.versions({ profile: 'work' })).items).toMatchObject([unreadable]);
  expect(itemsOf(await feeds.list())).toMatchObject([{ name: 'open', credentials: 'none' }, unreadable]);
  expect(await feeds.credentials({ name: 'open' })).toEqual({ kind: 'none' });
  await feeds.put({ name: 'open', url, category: 'changed' });
  // What touches no secret of a feed that has some works too.
  await feeds.patch({ name: 'secret', patch: { category: 'changed' } });
  await sessions.append({ id: 's', messages: [{ text: 'hello' }] });
}

async function expectOpen({ auth, feeds, pending, keys, system }: Client) {
  expect((await keys.status()).state).toBe('ok');
  expect((await system.health()).reasons.filter((reason) => reason.startsWith('key_'))).toEqual([]);
  expect(await auth.token({ profile: 'work' })).toMatchObject({ accessToken: 'access-1' });
  expect(await feeds.credentials({ name: 'secret' })).toEqual(bearer);
  expect(itemsOf(await auth.list())).toMatchObject([{ credentials: 'ok' }, { credentials: 'ok' }]);
  await pending.put({ state: 'new', secret: 'verifier-3' });
  expect(await pending.take({ state: 'new' })).toMatchObject({ secret: 'verifier-3' });
}

describe.each(['before the start', 'while the daemon runs'])('Inkwell P2.7: the root key is damaged %s', (when) => {
  let home: TestHome;
  let daemon: DaemonProcess;
  let client: Client;
  let recovery: string;
  let good: Buffer;
  beforeAll(async () => {
    home = new TestHome();
    daemon = await home.start();
    client = home.client();
    await fill(client);
    recovery = (await client.keys.backup()).code;
    good = readFileSync(home.paths.rootKey);
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it.each(Object.entries(faults))('%s', async (_, { code, make }) => {
    const { rootKey } = home.paths;
    // The one before may have left its key, its link.
    for (const name of readdirSync(dirname(rootKey))) rmSync(join(dirname(rootKey), name), { recursive: true });
    writeFileSync(rootKey, good, { mode: 0o600 });
    await expectOpen(client);

    const damage = async () => {
      const restart = when === 'before the start';
      if (restart) await daemon.end();
      make(rootKey);
      const before = beside(rootKey);
      if (restart) daemon = await home.start();
      await expectFault(client, code);
      await expectRest(client);
      expect(beside(rootKey)).toEqual(before);
    };
    await damage();
    // Put back, it works at once.
    rmSync(rootKey, { recursive: true, force: true });
    writeFileSync(rootKey, good, { mode: 0o600 });
    await expectOpen(client);

    await damage();
    const replaced = existsSync(rootKey);
    await client.keys.restore({ code: recovery });
    await expectOpen(client);
    expect(readFileSync(rootKey)).toEqual(good);
    expect(lstatSync(rootKey).mode & 0o777).toBe(0o600);
    const kept = readdirSync(dirname(rootKey)).filter((name) => name.startsWith('root.key.replaced-'));
    // The same key that only lay open need not be kept; a link that leads nowhere is asked for below.
    expect(kept.length).toBeGreaterThanOrEqual(replaced && code !== 'key_exposed' ? 1 : 0);
    expect(kept.length).toBeLessThanOrEqual(1);
    expect(openModes(home.home)).toEqual([]);
  });

  // Each left the same file, to the byte.
  it('and what was restored opens after a restart', async () => {
    expect((await daemon.end()).code).toBe(0);
    daemon = await home.start();
    await expectOpen(client);
  });
});

describe('what a restore finds in the place of the root key', () => {
  it('is not left open to others under another name', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    await fill(client);
    const { code } = await client.keys.backup();
    faults['mode 0644']?.make(home.paths.rootKey);
    await client.keys.restore({ code });
    expect(openModes(home.home)).toEqual([]);
  });

  it('is kept beside it, also when it is a link to something that is not there now', async () => {
    await using home = new TestHome();
    await home.start();
    const client = home.client();
    await fill(client);
    const { code } = await client.keys.backup();
    faults['dangling link']?.make(home.paths.rootKey);
    await client.keys.restore({ code });
    // existsSync follows links, so the link is overwritten: it may lead to a disk that is not mounted.
    const kept = readdirSync(dirname(home.paths.rootKey)).filter((name) => name.startsWith('root.key.replaced-'));
    expect(kept.length).toBe(1);
  });
});
