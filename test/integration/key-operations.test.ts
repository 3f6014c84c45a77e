import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../client/index.ts';
import { TestHome } from '../helpers/daemon.ts';
import { underWay } from '../helpers/metrics.ts';
import { refusal } from '../helpers/refusal.ts';
import { until } from '../helpers/wait.ts';

// What the operations of the root key tell a person: what is wrong, by its file, and what mends it.

describe('the operations of the root key', () => {
  let home: TestHome;
  let client: Client;
  beforeAll(async () => {
    home = new TestHome();
    await home.start();
    client = home.client();
    await client.keys.init({ passphrase: 'correct horse battery' });
    await client.auth.put({ profile: 'work', kind: 'api-key', apiKey: 'key-1' });
  });
  afterAll(() => home[Symbol.asyncDispose]());

  it('answer their state while passphrases are being tried', async () => {
    const ended: string[] = [];
    const tries = ['wrong horse', 'no horse', 'any horse'].map(async (passphrase) => {
      expect((await refusal(client.keys.unlock({ passphrase }))).code).toBe('invalid_input');
      ended.push(passphrase);
    });
    await until('they are tried', async () => (await underWay(home)) >= 2);
    expect((await client.keys.status()).state).toBe('ok');
    expect(ended.length).toBeLessThan(tries.length);
    await Promise.all(tries);
  });

  it('say of a recovery code from before a rotation that only the newest fits', async () => {
    const { code } = await client.keys.backup();
    await client.keys.rotate();
    const error = await refusal(client.keys.restore({ code }));
    expect([error.code, error.message]).toEqual(['key_wrong', expect.stringMatching(/newest recovery code/)]);
  });

  it('say to an init where the key is lost what brings it back', async () => {
    const { rootKey } = home.paths;
    renameSync(rootKey, `${rootKey}-aside`);
    const error = await refusal(client.keys.init({}));
    expect(error.code).toBe('exists');
    for (const part of [rootKey, 'missing', 'holdfast key restore']) expect(error.message).toContain(part);
    renameSync(`${rootKey}-aside`, rootKey);
  });

  // As a rotation leaves it that could not end: where the file is a mount, for instance.
  it('say which two files a rotation leaves that cannot put the new key in its place', async () => {
    const { rootKey } = home.paths;
    cpSync(rootKey, `${rootKey}.next`);
    rmSync(rootKey);
    mkdirSync(rootKey);
    writeFileSync(join(rootKey, 'in the way'), '');
    const error = await refusal(client.keys.rotate());
    expect(error).toMatchObject({ code: 'key_unreadable', status: 409 });
    expect(error.message).toContain(`${rootKey}.next is the root key now and cannot take the place of ${rootKey}: `);
    expect(await client.auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
    rmSync(rootKey, { recursive: true });
    await client.keys.rotate();
    expect(await client.auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
  });
});
