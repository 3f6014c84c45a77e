import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOpml } from '../../client/cli/feeds/opml.ts';
import { plan } from '../../client/cli/feeds/plan.ts';
import { maxBytes } from '../../client/cli/feeds/read.ts';
import { store } from '../../client/cli/feeds/store.ts';
import { holdfast } from '../helpers/cli.ts';
import { cli, root, TestHome } from '../helpers/daemon.ts';
import { FakeDaemon, good, refuse } from '../helpers/fake-daemon.ts';
import { stuckSocket } from '../helpers/stuck-socket.ts';
import { until } from '../helpers/wait.ts';

let home: TestHome;
const podcasts = join(root, 'test', 'fixtures', 'feeds.opml');
const run = (app: string, args: string[], stdin: string | Buffer = '') =>
  holdfast(home, ['feeds', ...args, '--app', app], stdin);
const stored = async (app: string) => (await home.client({ app }).feeds.list({ limit: 1000 })).items;
const countOf = async (app: string) => {
  const client = home.client({ app });
  let count = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.feeds.list({ limit: 1000, ...(cursor && { cursor }) });
    [count, cursor] = [count + page.items.length, page.nextCursor];
  }
  return count;
};
const opml = (body: string) => `<?xml version="1.0"?>\n<opml version="2.0"><body>\n${body}\n</body></opml>`;
const many = (count: number) =>
  opml(Array.from({ length: count }, (_, n) => `<outline text="Feed" xmlUrl="https://${n}.example/"/>`).join('\n'));

beforeAll(async () => {
  home = new TestHome();
  await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast feeds import', () => {
  it('adds feeds with their folders, and nothing the second time', async () => {
    expect(await run('reader', ['import', podcasts])).toEqual({ code: 0, stdout: 'Feeds: 18 added.\n', stderr: '' });
    const before = await stored('reader');
    expect(before).toHaveLength(18);
    expect(before.find((one) => 'name' in one && one.name === 'Planet Money')).toMatchObject({
      url: 'https://feeds.npr.org/510289/podcast.xml',
      category: 'News & economics',
      metadata: { htmlUrl: 'https://www.npr.org/podcasts/510289/planet-money' },
    });
    const { code, stdout } = await run('reader', ['import', '-', '--json'], readFileSync(podcasts));
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { schema: 1, app: 'reader', dryRun: false, added: [], renamed: [], refused: [], leftOut: [] },
    ]);
    expect((JSON.parse(stdout) as { skipped: object[] }).skipped).toHaveLength(18);
    expect(await stored('reader')).toEqual(before);
  });

  it('reports what it did to which line, and says the same before with --dry-run', async () => {
    await home.client({ app: 'report' }).feeds.put({ name: 'News', url: 'https://stored.example/' });
    const text = opml(
      [
        '<outline text="News" xmlUrl="https://other.example/"/>',
        '<outline text="Old" xmlUrl="https://stored.example"/>',
        '<outline text="Script" xmlUrl="javascript:alert(1)"/>',
        '<outline text="Page" htmlUrl="about:blank" xmlUrl="https://page.example/"/>',
        '<outline text="\u202eevil&#x9b;31m" xmlUrl="https://evil.example/"/>',
      ].join('\n'),
    );
    const rest = String.raw`
Renamed:
  line 3  News -> News (2): the name is another feed's
  line 7  \u{202e}evil\u{9b}31m -> \u{202e}evil 31m: a name must not hold control characters

Left out:
  line 6  Page: its htmlUrl must be an http or https URL, as 'https://example.org/feed.xml'

Skipped:
  line 4  Old: is there already, as 'News'

Refused:
  line 5  Script: its xmlUrl must be an http or https URL, as 'https://example.org/feed.xml'
`;
    const before = await stored('report');
    expect(await run('report', ['import', '-', '--dry-run'], text)).toEqual({
      code: 1,
      stdout: String.raw`Feeds: 3 would be added, 1 skipped, 1 refused. Nothing was changed.

To be added:
  line 3  News (2)  https://other.example/
  line 6  Page  https://page.example/
  line 7  \u{202e}evil 31m  https://evil.example/
${rest}`,
      stderr: '',
    });
    expect(await stored('report')).toEqual(before);
    const stdout = `Feeds: 3 added, 1 skipped, 1 refused.\n${rest}`;
    expect(await run('report', ['import', '-'], text)).toEqual({ code: 1, stdout, stderr: '' });
    expect(await stored('report')).toHaveLength(4);
  });

  it('never stores or says a password that stands in the file', async () => {
    const url = 'https://me:hunter22@a.example/';
    const text = opml(`<outline text="${url}" xmlUrl="${url}"/><outline text="${url}" xmlUrl="https://b.example/"/>`);
    const shown = await run('secret', ['import', '-'], text);
    const broken = await run('secret', ['import', '-'], text.replaceAll('hunter22', 'hunter22&'));
    const document = await run('secret', ['import', '-', '--json', '--dry-run'], text);
    expect([shown.code, broken.code, document.code]).toEqual([1, 1, 1]);
    expect(shown.stdout).toMatch(/^Feeds: 1 added, 1 refused[^]*line 3 {2}\(no name\): its xmlUrl holds a user name/);
    const said = JSON.stringify([shown, broken, document, await stored('secret')]);
    expect(said).toContain('b.example');
    expect(said).not.toContain('hunter22');
  });

  it.each([
    ['a file that is not there', ['import', '/nowhere/x.opml'], '', '/nowhere/x.opml: there is no such file.'],
    ['a directory', ['import', root], '', `${root}: it cannot be read (EISDIR).`],
    ['an endless file', ['import', '/dev/zero'], '', '/dev/zero: it has more than 8 MiB: split it.'],
    ['a huge stdin', ['import', '-'], Buffer.alloc(maxBytes + 1, 32), 'stdin: it has more than 8 MiB: split it.'],
    ['another document', ['import', '-'], '\n<html/>', 'stdin: line 2: this is no OPML, which begins with <opml>.'],
  ])('says what is wrong with %s', async (_name, args, stdin, message) => {
    expect(await run('wrong', args, stdin)).toEqual({ code: 1, stdout: '', stderr: `holdfast: ${message}\n` });
  });

  it('adds each feed once when two processes import the same file', async () => {
    const both = await Promise.all([1, 2].map(() => run('both', ['import', '-', '--json'], many(1500))));
    const added = both.map(({ stdout }) => (JSON.parse(stdout) as { added: object[] }).added.length);
    expect(both.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    expect([(added[0] ?? 0) + (added[1] ?? 0), await countOf('both')]).toEqual([1500, 1500]);
  });

  it('does the same with feeds that another process adds after it looked', async () => {
    const client = home.client({ app: 'late' });
    const outlines = ['same', 'other'].map((name) => `<outline text="${name}" xmlUrl="https://${name}.example/"/>`);
    const late = plan(await readOpml(opml(outlines.join('\n'))), [], []);
    await client.feeds.put({ name: 'same', url: 'https://same.example' });
    await client.feeds.put({ name: 'other', url: 'https://first.example' });
    await store(client, 'late', late);
    expect(late.skipped).toEqual([{ line: 3, name: 'same', reason: 'was added by another process meanwhile' }]);
    expect(late.additions).toMatchObject([
      { line: 4, from: 'other', name: 'other (2)', fields: { displayName: 'other' } },
    ]);
    expect(await stored('late')).toMatchObject([
      { name: 'other' },
      { name: 'other (2)', displayName: 'other' },
      { name: 'same' },
    ]);
  });

  it('says how far it came when the daemon fails in the middle', async () => {
    const socket = join(home.home, 'fails.sock');
    await using daemon = await FakeDaemon.listen(socket, (response, _request, number) =>
      number === 1 ? good(response, { name: 'Feed' }) : refuse(response, 'internal'),
    );
    await expect(store(home.client({ socket }), 'fails', plan(await readOpml(many(3)), [], []))).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/ 1 of 3 feeds are added: the same command adds the others\.$/) as unknown,
    });
    // The first travels alone, the others together.
    expect(daemon.requests).toHaveLength(2);
  });

  it('adds the rest when it was killed in the middle', async () => {
    const file = join(home.home, 'many.opml');
    writeFileSync(file, many(5000));
    await using between = new TestHome();
    mkdirSync(dirname(between.paths.socket), { recursive: true, mode: 0o700 });
    await using _ = await stuckSocket(between.paths.socket, home.paths.socket, 200_000);
    const child = spawn(process.execPath, [cli, 'feeds', 'import', file, '--app', 'killed'], {
      env: { ...process.env, HOLDFAST_HOME: between.home },
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    await until('the first feeds are there', async () => (await stored('killed')).length > 0, 30_000);
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
    // Red control: it was in the middle.
    const before = await countOf('killed');
    expect(before).toBeLessThan(5000);
    const { stdout } = await run('killed', ['import', file]);
    // What was on its way when it died may still have come in.
    const [, added = '', skipped = ''] = /^Feeds: (\d+) added, (\d+) skipped/.exec(stdout) ?? [];
    expect(Number(added) + Number(skipped)).toBe(5000);
    expect(Number(skipped)).toBeGreaterThanOrEqual(before);
    expect(await countOf('killed')).toBe(5000);
  });
});
