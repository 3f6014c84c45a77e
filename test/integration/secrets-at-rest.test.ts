import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestHome } from '../helpers/daemon.ts';
import { openModes, searchTree } from '../helpers/marker.ts';
import { Markers, removeSecrets, storeEverySecret } from '../helpers/secrets.ts';
import { Tree } from '../helpers/tree.ts';
import { until } from '../helpers/wait.ts';

// Finding C2 of applications.md: a secret lies nowhere in plain text, and nobody else can open what holds it.

const env = { HOLDFAST_LOG_LEVEL: 'trace' };
const url = 'https://example.org/feed.xml';

describe('C2: a marker secret of every kind', () => {
  it('is nowhere on disk, in the log, on stderr or in an answer that reveals none', async () => {
    await using home = new TestHome();
    const markers = new Markers();
    const client = home.client();
    const first = await home.start({ env });
    const said = await storeEverySecret(home, markers);
    expect(markers.all.size).toBeGreaterThan(18);
    expect(said.length).toBeGreaterThan(1000);
    expect(markers.in(said)).toEqual([]);
    // While it runs, the newest rows are in the WAL alone, until nothing was written for a second.
    await client.sessions.create({ id: 'newest' });
    expect(statSync(`${home.paths.database}-wal`).size).toBeGreaterThan(0);
    expect(markers.below(home.home)).toEqual([]);
    expect(await first.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    expect(markers.below(home.home)).toEqual([]);

    const second = await home.start({ env });
    await client.keys.rotate();
    await client.keys.rotate();
    expect(markers.below(home.home)).toEqual([]);
    expect(markers.in(await removeSecrets(client))).toEqual([]);
    // The index of the words follows by itself.
    await client.sessions.create({ id: 's' });
    await client.sessions.append({ id: 's', messages: [{ role: 'user', content: 'searched' }] });
    await until('the index has it', async () => (await client.search.messages({ q: 'searched' })).items.length > 0);
    expect(markers.below(home.home)).toEqual([]);
    expect(await second.end()).toEqual({ code: 0, signal: null });
    expect(markers.below(home.home)).toEqual([]);

    const third = await home.start({ env });
    await client.keys.restore({ code: (await client.keys.backup()).code });
    await third.end('SIGKILL');
    expect(markers.below(home.home)).toEqual([]);
    // Level trace writes a line for every call.
    expect(first.log.length).toBeGreaterThan(30);
    for (const daemon of [first, second, third]) {
      expect(daemon.log).not.toEqual([]);
      expect(markers.saidBy(daemon)).toEqual([]);
    }
  });

  it('red control: what is no secret is found in the WAL, in the database and, when it is refused, in the answer', async () => {
    await using home = new TestHome();
    const markers = new Markers();
    const client = home.client();
    const daemon = await home.start({ env });
    const category = markers.token('category');
    await client.feeds.put({ name: 'f', url, category });
    // In the database itself as soon as nothing was written for a second.
    expect(markers.below(home.home).join('\n')).toMatch(/^category: data\/holdfast\.db(-wal)?: raw$/m);
    await daemon.end();
    expect(markers.below(home.home)).toContain('category: data/holdfast.db: raw');
    await home.start({ env });
    expect(markers.in(JSON.stringify(await client.feeds.get({ name: 'f' })))).toEqual(['category: raw']);
  });

  it('is in no copy that a migration makes, nor in what is moved over', async () => {
    await using home = new TestHome();
    using tree = new Tree();
    tree.migrate(
      `-- min_compatible: ${Number(tree.nextMigration)}\nCREATE TABLE made_up (x TEXT) STRICT;\nUPDATE feed SET updated_at = updated_at;`,
    );
    const markers = new Markers();
    const old = await home.start({ env });
    await storeEverySecret(home, markers);
    await old.end('SIGKILL');
    const migrated = await home.start({ env, ...tree.daemon });
    expect(readdirSync(`${home.paths.data}/backups`)).toHaveLength(1);
    expect(markers.below(home.home)).toEqual([]);
    expect(openModes(home.home)).toEqual([]);
    await migrated.end();
    expect(markers.below(home.home)).toEqual([]);
    expect(markers.saidBy(migrated)).toEqual([]);
  });

  it('neither are a passphrase, the root key that it protects and the recovery code', async () => {
    await using home = new TestHome();
    const markers = new Markers();
    const client = home.client();
    const first = await home.start({ env });
    const passphrase = markers.password('passphrase');
    await client.keys.init({ passphrase });
    await client.auth.put({ profile: 'p', kind: 'api-key', apiKey: markers.password('key') });
    markers.all.set('recovery code', (await client.keys.backup()).code);
    await first.end('SIGKILL');
    const second = await home.start({ env });
    const wrong = markers.password('wrong passphrase');
    await expect(client.keys.unlock({ passphrase: wrong })).rejects.toMatchObject({ code: 'invalid_input' });
    await client.keys.unlock({ passphrase });
    await client.keys.rotate();
    markers.all.set('second recovery code', (await client.keys.backup()).code);
    const moved = markers.password('new passphrase');
    await client.keys.restore({ code: (await client.keys.backup()).code, passphrase: moved });
    expect(existsSync(home.paths.rootKey)).toBe(true);
    expect(markers.below(home.home)).toEqual([]);
    await second.end();
    expect(markers.below(home.home)).toEqual([]);
    for (const daemon of [first, second]) expect(markers.saidBy(daemon)).toEqual([]);
  });

  it('the root key lies in its own file only', async () => {
    await using home = new TestHome();
    const daemon = await home.start({ env });
    const client = home.client();
    const keys: string[] = [];
    for (let n = 0; n < 3; n++) {
      await client.auth.put({ profile: 'p', kind: 'api-key', apiKey: `key ${n}` });
      keys.push(readFileSync(home.paths.rootKey, 'latin1').trimEnd().split(' ').at(-2) ?? '');
      await client.keys.rotate();
    }
    const now = readFileSync(home.paths.rootKey, 'latin1').trimEnd().split(' ').at(-2) ?? '';
    expect(new Set([...keys, now]).size).toBe(4);
    for (const key of keys) expect(searchTree(home.home, key).found).toEqual([]);
    expect(searchTree(home.home, now).found).toEqual(['config/root.key: raw']);
    const bytes = Buffer.from(now, 'base64url');
    for (const folder of [home.paths.data, home.paths.state]) {
      expect(searchTree(folder, bytes.toString('hex')).found).toEqual([]);
    }
    expect(readFileSync(home.paths.database).includes(bytes)).toBe(false);
    expect(readFileSync(`${home.paths.database}-wal`).includes(bytes)).toBe(false);
    await daemon.end('SIGKILL');
    expect(JSON.stringify(daemon.log)).not.toContain(now);
  });
});
