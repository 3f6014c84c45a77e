import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Feed } from '../../shared/resources/feeds.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';

let home: TestHome;
const run = (app: string, ...args: string[]) => holdfast(home, ['feeds', ...args, '--app', app]);
const file = (name: string) => join(home.home, name);
const stored = async (app: string) => (await home.client({ app }).feeds.list()).items as Feed[];
const essence = ({ name, url, category, displayName, tags, metadata }: Feed) =>
  ({ name, url, category, displayName, tags, metadata }) as object;

beforeAll(async () => {
  home = new TestHome();
  const daemon = await home.start();
  const damaged = home.client({ app: 'damaged' });
  for (const name of ['a', 'b']) await damaged.feeds.put({ name, url: `https://${name}.example/` });
  await daemon.end();
  tamper(home.paths.database, (db) =>
    changeOne(db, "UPDATE feed SET url = url || 'x' WHERE app = 'damaged' AND name = 'b'"),
  );
  await home.start();
  const { feeds } = home.client({ app: 'reader' });
  const auth = { kind: 'basic', username: 'hunter11', password: 'hunter22' } as const;
  await feeds.put({
    name: 'a <"&\'> é 😀 日本',
    url: 'https://a.example/?x=1&y="',
    category: 'News / Daily & more',
    auth,
  });
  await feeds.put({ name: ' b ', url: 'https://b.example', displayName: 'B\n\t\u202e', tags: ['x', 'y z'] });
  await feeds.put({
    name: 'c',
    url: 'https://c.example',
    auth: { kind: 'bearer', token: 'hunter33' },
    metadata: { language: 'de' },
  });
}, 60_000);
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast feeds export', () => {
  const logins = '2 of the feeds have a login, which is not in the file.\n';

  it('writes what another application imports, the same each time, and never a credential', async () => {
    const { code, stdout, stderr } = await run('reader', 'export');
    expect([code, stderr]).toEqual([0, logins]);
    expect(stdout).not.toMatch(/hunter\d\d/);
    expect(await run('reader', 'export', file('feeds.opml'))).toEqual({
      code: 0,
      stdout: '',
      stderr: `Feeds written to ${file('feeds.opml')}: 3.\n${logins}`,
    });
    expect(readFileSync(file('feeds.opml'), 'utf8')).toBe(stdout);

    expect((await run('other', 'import', file('feeds.opml'))).stdout).toBe('Feeds: 3 added.\n');
    const [before, after] = [await stored('reader'), await stored('other')];
    expect(after.map(essence)).toEqual(before.map(essence));
    expect(after.map((feed) => feed.auth.kind)).toEqual(['none', 'none', 'none']);
    const again = await run('other', 'export');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout.replace('Feeds of other', 'Feeds of reader')).toBe(stdout);
  });

  it('replaces a file only when told to, and leaves no part of one', async () => {
    writeFileSync(file('mine'), 'mine');
    const refused = await run('reader', 'export', file('mine'));
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: `holdfast: ${file('mine')} exists: --force replaces it.\n`,
    });
    expect(readFileSync(file('mine'), 'utf8')).toBe('mine');
    expect((await run('reader', 'export', file('mine'), '--force')).code).toBe(0);
    expect(readFileSync(file('mine'), 'utf8')).toMatch(/^<\?xml[^]*<\/opml>\n$/);
    expect((await run('reader', 'export', '/nowhere/x')).stderr).toBe(
      'holdfast: /nowhere/x cannot be written (ENOENT).\n',
    );
    expect(
      readdirSync(home.home)
        .filter((name) => /^(mine|feeds)./.test(name))
        .toSorted(),
    ).toEqual(['feeds.opml']);
    // A directory is no file to replace; what was written beside it is gone.
    const folder = file('folder');
    mkdirSync(folder);
    expect((await run('reader', 'export', folder, '--force')).stderr).toBe(
      `holdfast: ${folder} cannot be written (EISDIR).\n`,
    );
    expect(readdirSync(home.home).filter((name) => name.startsWith('folder'))).toEqual(['folder']);
  });

  it('names a damaged feed, writes the others, and imports beside it', async () => {
    const { code, stdout, stderr } = await run('damaged', 'export');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^holdfast: b is damaged: .*\n$/)]);
    expect(stdout.match(/xmlUrl="[^"]*"/g)).toEqual(['xmlUrl="https://a.example/"']);
    writeFileSync(file('b.opml'), '<opml><body><outline text="b" xmlUrl="https://b.example/"/></body></opml>');
    const imported = await run('damaged', 'import', file('b.opml'));
    expect(imported).toMatchObject({ code: 0, stderr });
    expect(imported.stdout).toBe("Feeds: 1 added.\n\nRenamed:\n  line 1  b -> b (2): the name is another feed's\n");
  });
});
