import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain } from '../../client/cli/errors.ts';
import type { Client } from '../../client/index.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { refusal } from '../helpers/refusal.ts';

let home: TestHome;
let client: Client;
beforeAll(async () => {
  home = new TestHome();
  await home.start();
  client = home.client({ app: 'my-cli' });
});
afterAll(() => home[Symbol.asyncDispose]());

const config = (...args: string[]) => holdfast(home, ['config', ...args, '--app', 'my-cli']);
const valueOf = async (name: string) => (await client.config.get({ name })).value;
const said = async (...args: string[]) => {
  const { code, stdout, stderr } = await config(...args);
  expect(stdout).toBe('');
  return `${code} ${stderr}`;
};
const explained = async (call: Promise<unknown>) => explain(await refusal(call)).message;
const file = (name: string) => join(home.home, name);
const write = (name: string, text: string) => {
  writeFileSync(file(name), text);
  return file(name);
};

describe('holdfast config', () => {
  it('sets, shows, lists and removes, a value or all of it', async () => {
    const set = await config('set', 'app', '/plugins/news/enabled', 'true');
    expect(set).toEqual({ code: 0, stdout: '', stderr: 'app is stored, as version 1.\n' });
    await config('set', 'app', '/list', '[1, "2", null]');
    await config('set', 'app', '/text', '12', '--text');
    expect(await valueOf('app')).toEqual({ plugins: { news: { enabled: true } }, list: [1, '2', null], text: '12' });
    expect((await config('show', 'app')).stdout).toBe(
      'plugins:\n  news:\n    enabled: true\nlist:\n  - 1\n  - "2"\n  - null\ntext: "12"\n',
    );
    expect((await config('show', 'app', '/plugins/news')).stdout).toBe('enabled: true\n');
    const [shown, old, listed] = await Promise.all([
      config('show', 'app', '/text', '--json'),
      config('show', 'app', '--version', '1'),
      config('list'),
    ]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ schema: 1, app: 'my-cli', config: { version: 3, value: '12' } });
    expect(old.stdout).toBe('plugins:\n  news:\n    enabled: true\n');
    expect(listed.stdout).toMatch(/^NAME +VERSION +CHANGED +SIZE\napp +3 +20\d\d-\d\d-\d\d \d\d:\d\d +\d+\n$/);

    expect((await config('remove', 'app', '/text', '--dry-run')).stderr).toMatch(
      /^Would remove \/text of app\..* Nothing/,
    );
    expect((await config('remove', 'app', '/text')).stderr).toBe('/text of app is removed.\n');
    expect((await config('remove', 'app')).stderr).toBe('app is removed.\n');
    expect(await refusal(client.config.get({ name: 'app' }))).toMatchObject({ code: 'not_found' });
    expect((await config('revert', 'app', '1')).stderr).toBe('app is as in version 1, by version 6.\n');
    expect((await config('remove', 'app', '--erase')).stderr).toBe('app is erased.\n');
  });

  it('tells wrong usage, and what a value should be', async () => {
    await client.config.put({ name: 'x', value: 'newest' });
    const all = await Promise.all([
      said('set', 'x', '/a', '{a: 1'),
      said('set', 'x', 'a.b', '1'),
      said('show', 'x', '--version', '0'),
      said('remove', 'x', '', '--dry-run'),
    ]);
    expect(all).toEqual([
      expect.stringMatching(/^2 holdfast: The value cannot be read: line 1/),
      expect.stringMatching(/^1 holdfast: path must be a JSON pointer/),
      expect.stringMatching(/^1 holdfast: version must be/),
      expect.stringMatching(/^2 holdfast: An empty path is the whole document/),
    ]);
    expect(await explained(client.config.version({ name: 'x', version: 99 }))).toMatch(
      /'history' shows the versions\.$/,
    );
    expect(await explained(client.config.get({ name: 'x', path: '/a' }))).toMatch(/'show' shows the whole\.$/);
    expect(await explained(client.config.get({ name: 'y' }))).toMatch(/'list' shows what there is\.$/);
  });

  it('shows the history, what a change was, and reverts it', async () => {
    for (const value of [{ a: 1, b: 2 }, { a: 1 }, { a: 'x\u001b[31m', c: [] }])
      await client.config.put({ name: 'h', value });
    const { stdout } = await config('history', 'h');
    expect(stdout).toMatch(/^VERSION +CHANGED +SIZE +HOW +BY\n3 .* put +.*\(pid \d+\)\n2 .*\n1 .*\n$/);
    expect((await config('diff', 'h')).stdout).toBe('~ /a  1 -> "x\\u001b[31m"\n+ /c  []\n');
    expect(JSON.parse((await config('diff', 'h', '1', '--json')).stdout)).toMatchObject({
      from: 1,
      to: 3,
      changes: [{}, {}, {}],
    });
    const dry = await config('revert', 'h', '2', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: '~ /a  "x\\u001b[31m" -> 1\n- /c  []\n' });
    expect(dry.stderr).toBe('Would revert h to version 2. Nothing was changed.\n');
    expect((await config('revert', 'h', '2')).stderr).toBe('h is as in version 2, by version 4.\n');
    expect(await valueOf('h')).toEqual({ a: 1 });
    await config('remove', 'h');
    // A removal is no value to go back to, and trying it says so.
    for (const dryRun of [[], ['--dry-run']]) expect(await said('revert', 'h', '5', ...dryRun)).toMatch(/^1 .*removed/);
  });
});

describe('holdfast config export and import', () => {
  it('keeps the comments of a file, what others changed, and what was changed in the file', async () => {
    await client.config.put({ name: 'c', value: { theme: 'dark', plugins: { a: true, b: true }, list: [1] } });
    expect(await config('export', 'c', file('c.yaml'))).toMatchObject({ code: 0 });
    expect(statSync(file('c.yaml')).mode & 0o777).toBe(0o600);
    const exported = readFileSync(file('c.yaml'), 'utf8');
    expect(exported).toMatch(/^# holdfast config of my-cli "c": version 1 \S+\ntheme: dark\n/);

    chmodSync(file('c.yaml'), 0o640);
    write(
      'c.yaml',
      exported.replace('theme: dark', '# my eyes\ntheme: light # day').replace('  b: true', '  b: false'),
    );
    await client.config.patch({ name: 'c', patch: { plugins: { a: null, c: true } } });

    const dry = await config('import', 'c', file('c.yaml'), '--dry-run');
    expect(dry.stdout).toBe('~ /theme  "dark" -> "light"\n~ /plugins/b  true -> false\n');
    expect(await client.config.get({ name: 'c' })).toMatchObject({ version: 2 });
    expect((await config('import', 'c', file('c.yaml'))).stderr).toBe('c is stored, as version 3.\n');
    expect(await valueOf('c')).toEqual({ theme: 'light', plugins: { b: false, c: true }, list: [1] });
    expect((await config('import', 'c', file('c.yaml'))).stderr).toBe('Nothing is to be changed.\n');

    await config('export', 'c', file('c.yaml'), '--force');
    expect(readFileSync(file('c.yaml'), 'utf8')).toMatch(
      /^# holdfast config of my-cli "c": version 3 \S+\n# my eyes\ntheme: light # day\nplugins:\n {2}b: false\n {2}c: true\nlist:\n {2}- 1\n$/,
    );
    expect(statSync(file('c.yaml')).mode & 0o777).toBe(0o640);
  });

  it('tells by path what both changed and stores nothing, until it is told whose counts', async () => {
    await client.config.put({ name: 'both', value: { a: 1, b: 1 } });
    const { stdout } = await config('export', 'both');
    const path = write('both.yaml', stdout.replace('a: 1', 'a: 2').replace('b: 1', 'b: 2'));
    await client.config.put({ name: 'both', value: { a: 3, b: 1 } });
    const told = await config('import', 'both', path);
    expect(told).toMatchObject({ code: 1, stdout: 'conflict at /a: here 2, stored 3\n~ /a  3 -> 2\n~ /b  1 -> 2\n' });
    expect(told.stderr).toMatch(/^Nothing was stored: --prefer/);
    expect(await valueOf('both')).toEqual({ a: 3, b: 1 });
    expect((await config('import', 'both', path, '--prefer', 'stored')).code).toBe(0);
    expect(await valueOf('both')).toEqual({ a: 3, b: 2 });
    expect((await config('import', 'both', path, '--prefer', 'file')).code).toBe(0);
    expect(await valueOf('both')).toEqual({ a: 2, b: 2 });
  });

  it('asks what a file was made from that does not say it, or says what is not known', async () => {
    const path = write('plain.json', '{"a": 1, "b": 1}');
    expect((await config('import', 'plain', path)).stderr).toBe('plain is stored, as version 1.\n');
    await client.config.put({ name: 'plain', value: { a: 2, c: 3 } });

    const foreign = write('foreign.yaml', `# holdfast config of my-cli "plain": version 1 other.1\na: 1\n`);
    for (const [from, message] of [
      [path, /does not say which version/],
      [foreign, /version 1 is not known/],
    ] as const) {
      const { code, stderr } = await config('import', 'plain', from);
      expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
    expect(await valueOf('plain')).toEqual({ a: 2, c: 3 });
    expect((await config('import', 'plain', path, '--base', '1')).code).toBe(0);
    expect(await valueOf('plain')).toEqual({ a: 2, c: 3 });
    await config('import', 'plain', path, '--replace');
    expect(await valueOf('plain')).toEqual({ a: 1, b: 1 });
    await config('export', 'plain', file('out.json'));
    expect(readFileSync(file('out.json'), 'utf8')).toBe('{\n  "a": 1,\n  "b": 1\n}\n');
  });

  it('names the file and the line of what cannot be read, and changes nothing', async () => {
    const { code, stderr } = await config('import', 'bad', write('bad.yaml', 'a: 1\nb: [1\n'));
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^holdfast: .*bad\.yaml: line \d, column \d+: .*\.\n$/)]);
    expect((await config('import', 'bad', write('bad.json', '{"a": 1,}'))).stderr).toMatch(/^holdfast: .*bad\.json: /);
    writeFileSync(file('latin.yaml'), Buffer.from('a: \xfc\n', 'latin1'));
    expect((await config('import', 'bad', file('latin.yaml'))).stderr).toMatch(/this is no UTF-8/);
    // Of these JSON.parse says nothing, and another value would be stored.
    for (const [text, message] of [
      ['{\n"a": 1,\n"a": 2}', /line 3: this key is there before/],
      ['[\n12345678901234567890]', /line 2: 12345678901234567890 is more than a number holds/],
      ['[1e999]', /must not hold a number beyond/],
    ] as const) {
      expect((await config('import', 'bad', write('bad.json', text))).stderr).toMatch(message);
    }
    expect(await refusal(client.config.versions({ name: 'bad' }))).toMatchObject({ code: 'not_found' });
    expect((await config('import', 'good', write('tabs.json', '{\n\t"a": [\n\t\t1\n\t]\n}\n'))).code).toBe(0);
    expect(await valueOf('good')).toEqual({ a: [1] });
  });
});
