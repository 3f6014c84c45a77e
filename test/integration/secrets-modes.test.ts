import { chmodSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { openModes } from '../helpers/marker.ts';
import { removeSecrets, Markers, storeEverySecret } from '../helpers/secrets.ts';
import { Tree } from '../helpers/tree.ts';
import { until } from '../helpers/wait.ts';

// Finding C2 of applications.md, modes: the daemon is started with a umask that hides nothing.

const wrapper = ['sh', '-c', 'umask 000; exec "$0" "$@"'];

describe('C2: under umask 000', () => {
  it('Nukesor/pueue 4.0.5: no file, directory or socket is open to group or others, at any time', async () => {
    await using home = new TestHome();
    const client = home.client();
    const markers = new Markers();
    const first = await home.start({ wrapper });
    expect(openModes(home.home)).toEqual([]);
    await storeEverySecret(home, markers);
    await client.sessions.create({ id: 's' });
    await client.sessions.append({ id: 's', messages: [{ role: 'user', content: 'searched' }] });
    await until('the index has it', async () => (await client.search.messages({ q: 'searched' })).items.length > 0);
    // All of them are there to be looked at.
    const names = readdirSync(home.home, { recursive: true }).map(String);
    expect(names).toEqual(
      expect.arrayContaining([
        'config/root.key',
        'data/holdfast.db',
        'data/holdfast.db-wal',
        'data/holdfast.db-shm',
        'data/owner.lock',
        'data/search.db',
        'state/agent.sock',
        'state/daemon.json',
        'state/holdfast.sock',
      ]),
    );
    expect(openModes(home.home)).toEqual([]);
    await client.keys.rotate();
    await client.keys.restore({ code: (await client.keys.backup()).code });
    await removeSecrets(client);
    expect(openModes(home.home)).toEqual([]);
    await first.end('SIGKILL');
    expect(openModes(home.home)).toEqual([]);

    const second = await home.start({ wrapper });
    expect(openModes(home.home)).toEqual([]);
    await second.end();
    expect(openModes(home.home)).toEqual([]);
  });

  it('neither is the copy that a migration makes', async () => {
    await using home = new TestHome();
    using tree = new Tree();
    tree.migrate(`-- min_compatible: ${Number(tree.nextMigration)}\nCREATE TABLE made_up (x TEXT) STRICT;`);
    const old = await home.start({ wrapper });
    await home.client().auth.put({ profile: 'p', kind: 'api-key', apiKey: 'some key' });
    await old.end();
    const [shell = '', , command = ''] = tree.daemon.wrapper ?? [];
    await home.start({ wrapper: [shell, '-c', `umask 000; ${command}`] });
    expect(readdirSync(`${home.paths.data}/backups`)).toHaveLength(1);
    expect(openModes(home.home)).toEqual([]);
  });

  // What was there is kept beside the key that is put back, and may be the same good key.
  it('neither is what a restore keeps of a key that was open', async () => {
    await using home = new TestHome();
    const client = home.client();
    await home.start({ wrapper });
    await client.auth.put({ profile: 'p', kind: 'api-key', apiKey: 'some key' });
    const { code } = await client.keys.backup();
    chmodSync(home.paths.rootKey, 0o644);
    expect(await client.keys.status()).toMatchObject({ state: 'key_exposed' });
    await client.keys.restore({ code });
    expect(await client.keys.status()).toMatchObject({ state: 'ok' });
    expect(openModes(home.home)).toEqual([]);
  });

  it('red control: the umask is the one that is meant, and an open file is found', async () => {
    await using home = new TestHome();
    const touched = `${home.home}/touched`;
    await home.start({ wrapper: ['sh', '-c', `umask 000; : > '${touched}'; exec "$0" "$@"`] });
    expect(statSync(touched).mode & 0o777).toBe(0o666);
    expect(openModes(home.home)).toEqual(['touched: 0666']);
  });
});
