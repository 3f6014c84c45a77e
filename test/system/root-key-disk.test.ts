import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { tmpfs } from '../helpers/namespace.ts';
import { refusal } from '../helpers/refusal.ts';

// Where the root key cannot be stored, no secret is: the error says why, and the same call works once it can.

const credential = { profile: 'work', kind: 'api-key' as const, apiKey: 'first key' };

async function withConfigDisk(home: TestHome) {
  mkdirSync(home.paths.config, { mode: 0o700 });
  const disk = await tmpfs(home.paths.config, '64k');
  const daemon = await home.start({ wrapper: disk.wrapper });
  const ballast = join(home.paths.config, 'ballast');
  const states = {
    full: {
      make: () => disk.run('sh', '-c', `cat /dev/zero > '${ballast}' || true`),
      mend: () => disk.run('rm', ballast),
      code: 'storage_full',
    },
    'read-only': {
      make: () => disk.run('mount', '-o', 'remount,ro', home.paths.config),
      mend: () => disk.run('mount', '-o', 'remount,rw', home.paths.config),
      code: 'key_unreadable',
    },
  };
  return { disk, daemon, states, files: () => disk.run('ls', home.paths.config) };
}

describe.each(['full', 'read-only'] as const)('the directory of the root key is %s', (state) => {
  const firstSecret = async () => {
    await using home = new TestHome();
    const { disk, states, files } = await withConfigDisk(home);
    await using _ = disk;
    const { make, mend, code } = states[state];
    const { auth, feeds, keys, sessions } = home.client();
    await make();
    const failed = [
      () => auth.put(credential, { deadlineMs: 10_000 }),
      () => keys.init({}, { deadlineMs: 10_000 }),
      () => keys.init({ passphrase: 'correct horse' }, { deadlineMs: 10_000 }),
    ];
    for (const call of failed) {
      const error = await refusal(call());
      expect(error.code === 'unavailable' ? error.message : error.code).toContain(code);
    }
    await feeds.put({ name: 'f', url: 'https://example.org/' });
    await sessions.create({ id: 's' });
    expect((await keys.status()).state).toBe('none');
    expect((await refusal(auth.get({ profile: 'work' }))).code).toBe('not_found');
    await mend();
    await auth.put(credential);
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'first key' });
    return await files();
  };

  it('a rotation is refused, and the key in force stays', async () => {
    await using home = new TestHome();
    const { disk, states, files } = await withConfigDisk(home);
    await using _ = disk;
    const { make, mend } = states[state];
    const { auth, keys } = home.client();
    await auth.put(credential);
    const { fingerprint } = await keys.status();
    await make();
    await refusal(keys.rotate({}, { deadlineMs: 10_000 }));
    expect(await keys.status()).toMatchObject({ state: 'ok', fingerprint });
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'first key' });
    await auth.put({ ...credential, apiKey: 'second key' });
    await mend();
    expect((await keys.rotate()).fingerprint).not.toBe(fingerprint);
    expect(await auth.token({ profile: 'work' })).toMatchObject({ apiKey: 'second key' });
    expect(await files()).toBe('root.key\n');
  });

  it('no first secret, no key: a clear error, nothing stored, and it works once there is space', async () => {
    expect(await firstSecret()).toContain('root.key\n');
  });
});

describe('what is left, and told, where the root key cannot be stored', () => {
  // What was prepared and could not be written whole stays until the next start: root.key.PID-THREAD.
  it('nothing of a key that was not made is left', async () => {
    await using home = new TestHome();
    const { disk, states, files } = await withConfigDisk(home);
    await using _ = disk;
    await states.full.make();
    await refusal(home.client().keys.init({}, { deadlineMs: 10_000 }));
    await states.full.mend();
    expect(await files()).toBe('');
  });

  // 500 internal: only the first key is stored with an error that says why it cannot be.
  it.each(['full', 'read-only'] as const)('a rotation says why it is refused: %s', async (state) => {
    await using home = new TestHome();
    const { disk, states } = await withConfigDisk(home);
    await using _ = disk;
    const { auth, keys } = home.client();
    await auth.put(credential);
    await states[state].make();
    const error = await refusal(keys.rotate({}, { deadlineMs: 10_000 }));
    expect(error.code === 'unavailable' ? error.message : error.code).toContain(states[state].code);
  });
});
