import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { openModes, searchTree } from '../helpers/marker.ts';
import { refusal } from '../helpers/refusal.ts';
import { anotherKey, beside } from '../helpers/root-key.ts';

const passphrase = 'correct horse battery staple, and some more of it';
const credential = { profile: 'work', kind: 'api-key' as const, apiKey: 'key-1' };

/** The root key as it would stand in a file, read off the recovery code. */
function keyOf(code: string): Buffer {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const bits = Array.from(code.replaceAll('-', ''))
    .map((one) => alphabet.indexOf(one).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).slice(0, 32).map((byte) => Number.parseInt(byte, 2)));
}

/** Files below the home that hold the plain key in any form: as bytes, Base64, hexadecimal, or as the code. */
function plainIn(home: TestHome, code: string): string[] {
  const key = keyOf(code);
  const forms = [
    key,
    key.toString('base64url'),
    key.toString('base64'),
    key.toString('hex'),
    code,
    code.replaceAll('-', ''),
  ];
  return forms.flatMap((form) => filesWith(home.home, Buffer.from(form)));
}
const filesWith = (folder: string, needle: Buffer) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => readFileSync(file).includes(needle));

describe('a root key behind a passphrase', () => {
  it('locks at every start, opens by the right passphrase only, and never lies open on disk', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const { auth, keys, system, sessions } = home.client();
    expect(await keys.init({ passphrase })).toMatchObject({ state: 'ok', provider: 'passphrase' });
    await auth.put(credential);
    const { code, fingerprint } = await keys.backup();
    expect((await refusal(keys.init({ passphrase }))).code).toBe('exists');
    await daemon.end();
    daemon = await home.start();

    expect(await keys.status()).toMatchObject({ state: 'key_locked', provider: 'passphrase', fingerprint });
    expect((await system.health()).reasons).toContain('key_locked');
    const before = beside(home.paths.rootKey);
    for (const call of [
      () => auth.token({ profile: 'work' }),
      () => auth.put({ ...credential, apiKey: 'key-2' }),
      () => auth.put({ ...credential, app: 'new' }),
      () => keys.backup(),
      () => keys.rotate(),
    ]) {
      expect(await refusal(call())).toMatchObject({ status: 409, code: 'key_locked' });
    }
    expect(await auth.get({ profile: 'work' })).toMatchObject({ credentials: 'unreadable' });
    await sessions.create({ id: 's' });
    expect(beside(home.paths.rootKey)).toEqual(before);

    for (const wrong of ['correct horse battery stapler', passphrase.toUpperCase(), `${passphrase} `]) {
      const error = await refusal(keys.unlock({ passphrase: wrong }));
      expect(error).toMatchObject({ code: 'invalid_input', details: { errors: [{ path: 'passphrase' }] } });
      expect(error.message).not.toContain(wrong);
      expect((await keys.status()).state).toBe('key_locked');
    }
    expect((await keys.unlock({ passphrase })).state).toBe('ok');
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
    expect((await keys.backup()).code).toBe(code);
    expect((await system.health()).reasons).not.toContain('key_locked');
    // Once more is no harm, and a wrong one then does not lock it.
    expect((await keys.unlock({ passphrase })).state).toBe('ok');
    await refusal(keys.unlock({ passphrase: 'something else' }));
    expect((await keys.status()).state).toBe('ok');
    await daemon.end();
    expect(plainIn(home, code)).toEqual([]);
    expect(searchTree(home.home, passphrase).found).toEqual([]);
    expect(openModes(home.home)).toEqual([]);
  });

  it('red control: without a passphrase the key lies open in its file, and the search finds it', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const { auth, keys } = home.client();
    await auth.put(credential);
    const { code } = await keys.backup();
    await daemon.end();
    expect(plainIn(home, code)).toEqual([home.paths.rootKey]);
  });

  it('is kept by a rotation, and changed or removed by a restore', async () => {
    await using home = new TestHome();
    let daemon = await home.start();
    const restart = async () => {
      await daemon.end();
      daemon = await home.start();
    };
    const { auth, keys } = home.client();
    const expectOpen = async () => expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'key-1' });
    await keys.init({ passphrase });
    await auth.put(credential);
    const first = await keys.backup();

    await keys.rotate();
    await expectOpen();
    await restart();
    expect((await keys.status()).state).toBe('key_locked');
    await keys.unlock({ passphrase });
    await expectOpen();
    const { code, fingerprint } = await keys.backup();
    expect(fingerprint).not.toBe(first.fingerprint);
    expect((await refusal(keys.restore({ code: first.code }))).code).toBe('key_wrong');

    const other = 'another passphrase';
    await keys.restore({ code, passphrase: other });
    await expectOpen();
    await restart();
    expect((await refusal(keys.unlock({ passphrase }))).code).toBe('invalid_input');
    await keys.unlock({ passphrase: other });
    await expectOpen();
    await restart();
    // A forgotten passphrase: the code is enough.
    expect(await keys.restore({ code, passphrase })).toMatchObject({ state: 'ok', provider: 'passphrase' });
    await expectOpen();
    await daemon.end();
    expect(plainIn(home, code)).toEqual([]);
    expect(plainIn(home, first.code)).toEqual([]);

    daemon = await home.start();
    expect(await keys.restore({ code })).toMatchObject({ state: 'ok', provider: 'file' });
    await restart();
    await expectOpen();
    await keys.restore({ code, passphrase });
    await daemon.end();
    expect(plainIn(home, code)).toEqual([]);
  });

  it.each(['key_missing', 'key_wrong'])('an unlock says %s when that is what is wrong', async (code) => {
    await using home = new TestHome();
    const daemon = await home.start();
    const { auth, keys } = home.client();
    await keys.init({ passphrase });
    await auth.put(credential);
    await daemon.end();
    await home.start();
    const good = readFileSync(home.paths.rootKey);
    if (code === 'key_missing') rmSync(home.paths.rootKey);
    else writeFileSync(home.paths.rootKey, anotherKey());
    // It says that no passphrase is needed, which is wrong and sends people the wrong way.
    expect(await refusal(keys.unlock({ passphrase }))).toMatchObject({ status: 409, code });
    writeFileSync(home.paths.rootKey, good, { mode: 0o600 });
    expect((await keys.unlock({ passphrase })).state).toBe('ok');
  });

  it('leaves no plain key behind when a key that was open to others gets a passphrase', async () => {
    await using home = new TestHome();
    const daemon = await home.start();
    const { auth, keys } = home.client();
    await auth.put(credential);
    const { code } = await keys.backup();
    chmodSync(home.paths.rootKey, 0o644);
    await keys.restore({ code, passphrase });
    await daemon.end();
    // root.key.replaced-... is the key in force, as it was: neither wrapped nor private.
    expect(plainIn(home, code)).toEqual([]);
  });
});
