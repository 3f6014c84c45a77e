import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGroup } from '../../client/cli/command.ts';
import { commands } from '../../client/cli/commands.ts';
import { holdfast } from '../helpers/cli.ts';
import { TestHome, type DaemonProcess } from '../helpers/daemon.ts';
import { changeOne, tamper } from '../helpers/tamper.ts';

let home: TestHome;
let daemon: DaemonProcess;
const run = (...args: string[]) => holdfast(home, args);
const feeds = (...args: string[]) => run('feeds', ...args, '--app', 'reader');
const auth = (...args: string[]) => run('auth', ...args, '--app', 'agent');
beforeAll(async () => {
  home = new TestHome();
  daemon = await home.start();
});
afterAll(() => home[Symbol.asyncDispose]());

describe('holdfast feeds', () => {
  it('adds, lists, renames and removes', async () => {
    const store = home.client({ app: 'reader' });
    const added = await feeds(
      'add',
      'news',
      'https://example.org/a',
      '--category',
      'Daily',
      '--tag',
      'x',
      '--tag',
      'y',
    );
    expect(added).toEqual({ code: 0, stdout: '', stderr: 'news is added.\n' });
    expect(await store.feeds.get({ name: 'news' })).toMatchObject({ category: 'Daily', tags: ['x', 'y'] });
    expect((await feeds('add', 'news', 'https://example.org/b')).stderr).toMatch(
      /^holdfast: .*exists.*another name.*\n$/,
    );
    expect((await store.feeds.get({ name: 'news' })).url).toBe('https://example.org/a');

    expect((await feeds('list')).stdout).toBe(
      'NAME  CATEGORY  LOGIN  URL\nnews  Daily     none   https://example.org/a\n',
    );
    const listed = JSON.parse((await feeds('list', '--json')).stdout) as unknown;
    expect(listed).toMatchObject({ schema: 1, app: 'reader', more: false, feeds: [{ name: 'news' }] });

    expect((await feeds('rename', 'news', 'papers')).code).toBe(0);
    const { revision } = await store.feeds.get({ name: 'papers' });
    expect((await feeds('remove', 'papers', '--dry-run')).stderr).toMatch(
      /^Would remove papers .* Nothing was changed/,
    );
    expect((await store.feeds.get({ name: 'papers' })).revision).toBe(revision);
    expect((await feeds('remove', 'papers')).code).toBe(0);
    for (const args of [
      ['remove', 'papers'],
      ['remove', 'papers', '--dry-run'],
    ]) {
      expect(await feeds(...args)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^holdfast: .*'list'/) as string,
      });
    }
  });

  it('takes no password in a URL, and does not repeat it', async () => {
    const { code, stderr } = await run('feeds', 'add', 'a', 'https://me:hunter22@example.org', '--app', 'reader');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^holdfast: url must not hold.*\n$/)]);
    expect(stderr).not.toContain('hunter22');
  });
});

describe('holdfast auth', () => {
  it('lists without secrets, and removes', async () => {
    const store = home.client({ app: 'agent' });
    const expiresAt = '2030-01-31T12:00:00.000Z';
    await store.auth.put({ profile: 'work', kind: 'oauth', accessToken: 'secret-token', account: 'me', expiresAt });
    await store.auth.put({ profile: 'ci', kind: 'api-key', apiKey: 'secret-key' });
    const [shown, document] = [await auth('list'), await auth('list', '--json')];
    expect(shown.stdout).toMatch(/^PROFILE .*\nci +api-key +- +- +ok\nwork +oauth +me +2030-01-31 \d\d:\d\d +ok\n$/);
    expect(JSON.parse(document.stdout)).toMatchObject({ schema: 1, credentials: [{ profile: 'ci' }, { expiresAt }] });
    expect(shown.stdout + document.stdout).not.toContain('secret-');
    expect((await auth('remove', 'work', '--dry-run')).stderr).toMatch(/^Would remove work \(oauth of me\)/);
    expect(await store.auth.get({ profile: 'work' })).toMatchObject({ state: 'ok' });
    expect(await auth('remove', 'work')).toEqual({ code: 0, stdout: '', stderr: 'work is removed.\n' });
    await expect(store.auth.get({ profile: 'work' })).rejects.toMatchObject({ code: 'not_found' });
    // What was removed is still kept, to be restored or erased.
    expect((await auth('remove', 'work', '--dry-run')).stderr).toMatch(/^holdfast: There is no credential 'work'/);
    expect((await auth('remove', 'work', '--erase', '--dry-run')).stderr).toMatch(/^Would erase .* \(oauth of me\)/);
    for (const name of ['work', 'ci'])
      expect((await auth('remove', name, '--erase')).stderr).toBe(`${name} is erased.\n`);
  });
});

it('holdfast auth removes a credential that is damaged, and says before what it would remove', async () => {
  await home
    .client({ app: 'agent' })
    .auth.put({ profile: 'hurt', kind: 'api-key', apiKey: 'secret-key', account: 'me' });
  await daemon.end();
  tamper(home.paths.database, (db) => changeOne(db, "UPDATE credential SET updated_at = 1 WHERE profile = 'hurt'"));
  daemon = await home.start();
  expect((await auth('list')).stdout).toMatch(/hurt .*damaged/);
  expect((await auth('remove', 'hurt', '--dry-run')).stderr).toMatch(/^Would remove hurt \(api-key of me\)\./);
  expect((await auth('remove', 'hurt')).stderr).toBe('hurt is removed.\n');
});

describe('wrong usage', () => {
  it.each([
    [['sessions', 'list'], /needs --app NAME/],
    [['sessions', 'constructor'], /needs one of: list/],
    [['auth', 'remove', 'work', '--token=hunter22'], /no option --token/],
    [['hunter22'], /no such command/],
    [['completion', 'hunter22'], /one of: bash, zsh, fish/],
    [['toString'], /no such command/],
    [['help', 'hunter22'], /no such command/],
    [['help', 'sessions', 'hunter22'], /needs one of/],
  ])('%j is told what is wrong, in a line that repeats no value', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^holdfast: .+\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('hunter22');
  });

  it('shows help when asked, on stdout, and on stderr when a command is missing', async () => {
    for (const args of [['--help'], ['sessions', '--help'], ['sessions', 'list', '-h'], ['help', 'feeds', 'add']]) {
      const { code, stdout, stderr } = await run(...args);
      expect([args, code, stderr]).toEqual([args, 0, '']);
      expect(stdout).toMatch(/^holdfast /);
    }
    expect((await run('sessions', 'tail', '--help')).stdout).toContain('Exit codes: 0 done;');
    expect(await run('sessions')).toMatchObject({ code: 2, stdout: '' });
    expect(await run()).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('holdfast completion', () => {
  it('completes commands, their commands and their options in bash', async () => {
    const { stdout: script } = await run('completion', 'bash');
    const complete = (...words: string[]) =>
      spawnSync(
        'bash',
        [
          '-c',
          'eval "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; echo "${COMPREPLY[@]}"',
          script,
          'holdfast',
          ...words,
        ],
        {
          encoding: 'utf8',
        },
      ).stdout.trim();
    expect(complete('se')).toBe('serve sessions service');
    expect(complete('sessions', 'sh')).toBe('show');
    expect(complete('sessions', 'list', '--st')).toBe('--status');
    expect(complete('logs', '--f')).toBe('--follow');
    expect(complete('key', 'ro')).toBe('rotate');
    expect(complete('completion', '')).toBe('--help bash zsh fish');
    expect(complete('nothing', '')).toBe('');
  });

  it('knows every group in bash and zsh: behind its commands come their options', async () => {
    const names = Object.entries(commands).flatMap(([name, entry]) => (isGroup(entry) ? [name] : []));
    expect(names.length).toBeGreaterThan(8);
    for (const [shell, pattern] of [
      ['bash', /case \$before in (.*)\)\n/],
      ['zsh', /\[\[ \$before == \((.*)\) \]\]/],
    ] as const) {
      const { stdout } = await run('completion', shell);
      expect(pattern.exec(stdout)?.[1]?.split('|').toSorted()).toEqual(names.toSorted());
    }
  });

  it.each(['zsh', 'fish'])('has every command for %s', async (shell) => {
    const { code, stdout } = await run('completion', shell);
    expect(code).toBe(0);
    for (const word of ['restart', 'sessions', 'search', 'rename', 'rotate', 'status']) expect(stdout).toContain(word);
  });
});
