import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdfast, keyInOrder, keysAnswer, passphrase, posted, recoveryCode } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import { good, refuse } from '../helpers/fake-daemon.ts';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home[Symbol.asyncDispose]());
const key = (args: string[], stdin?: string, end?: boolean) => holdfast(home, ['key', ...args], stdin, end);

describe('holdfast key status', () => {
  it('is a table, or JSON', async () => {
    const status = { ...keyInOrder, detail: 'All is well.' };
    await using _ = await keysAnswer(home, status);
    const { code, stdout, stderr } = await key(['status']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      '  state        ok',
      '  detail       All is well.',
      '  provider     file',
      `  fingerprint  ${status.fingerprint}`,
      `  path         ${status.path}`,
      '  app          my-cli, key 1 of 2026-01-31T12:00:00.000Z',
      '',
    ]);
    const json = await key(['status', '--json']);
    expect([json.code, json.stderr, JSON.parse(json.stdout)]).toEqual([0, '', { schema: 1, ...status }]);
  });

  it.each([
    ['ok', 0],
    ['none', 0],
    ['key_missing', 1],
    ['key_wrong', 1],
    ['key_exposed', 1],
    ['key_unreadable', 1],
    ['key_locked', 1],
  ] as const)('tells %s by exit code %i', async (state, expected) => {
    const path = '/x/root.key';
    await using _ = await keysAnswer(home, { state, fingerprint: null, provider: null, path, apps: [] });
    const stdout = `  state        ${state}\n  path         ${path}\n`;
    expect(await key(['status'])).toEqual({ code: expected, stdout, stderr: '' });
    expect((await key(['status', '--json'])).code).toBe(expected);
  });
});

describe('holdfast key', () => {
  it('prints the recovery code alone on stdout, and what it is for on stderr', async () => {
    await using _ = await keysAnswer(home);
    const { code, stdout, stderr } = await key(['backup']);
    expect([code, stdout]).toEqual([0, `${recoveryCode}\n`]);
    expect(stderr).toMatch(/write it down.*off this machine.*open every secret/is);
    expect(stderr).not.toContain(recoveryCode);
  });

  it.each(['init', 'rotate'])('%s says that a backup is next', async (command) => {
    await using fake = await keysAnswer(home);
    const { code, stdout, stderr } = await key([command]);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/'holdfast key backup' next/);
    expect(posted(fake)).toEqual([`${command} {}`]);
  });

  it.each([
    ['init', ''],
    ['unlock', `${passphrase}\n`],
    ['restore', `${recoveryCode}\n`],
    ['rotate', ''],
  ])('%s says what is still wrong after it, and exits with 1', async (command, stdin) => {
    await using fake = await keysAnswer(home, { state: 'key_exposed', detail: 'Others can read it.' });
    expect(await key([command], stdin)).toEqual({ code: 1, stdout: '', stderr: 'holdfast: Others can read it.\n' });
    expect(posted(fake)).toHaveLength(1);
  });

  it.each([
    ['init', 'exists'],
    ['unlock', 'invalid_input'],
    ['backup', 'key_locked'],
    ['restore', 'key_wrong'],
    ['rotate', 'key_missing'],
  ] as const)('%s shows what the daemon refuses in one line', async (command, error) => {
    await using _ = await keysAnswer(home, {}, (response, { method }) =>
      method === 'GET' ? good(response, keyInOrder) : refuse(response, error),
    );
    const { code, stdout, stderr } = await key([command], `${passphrase}\n`);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(RegExp(`^holdfast: This is ${error}\\..*\n$`));
  });

  it.each(['status', 'unlock', 'restore'])(
    '%s ends with 69 without a daemon, and asks for nothing',
    async (command) => {
      const { code, stdout, stderr } = await key([command], '', false);
      expect([code, stdout]).toEqual([69, '']);
      expect(stderr).toMatch(/^holdfast: .*is not running.*\n$/);
    },
  );

  it.each([
    [['reset'], 'status, init, unlock, backup, restore, rotate'],
    [['constructor'], 'status, init, unlock, backup, restore, rotate'],
    [['status', 'x'], 'takes no argument'],
    [['backup', 'x'], 'takes no argument'],
    [['status', '--passphrase'], 'has no option --passphrase'],
    [['rotate', '--json'], 'has no option --json'],
    [['init', '--pass'], 'takes no secret from the command line'],
    [['init', '--passphrase=hunter2'], 'takes no secret from the command line'],
    [['unlock', 'hunter2'], 'takes no secret from the command line'],
    [['unlock', '--passphrase'], 'takes no secret from the command line'],
  ])('%j is told how it is used', async (args, message) => {
    await using fake = await keysAnswer(home);
    const { code, stdout, stderr } = await key(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^holdfast: .*\n$/);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hunter2');
    expect(fake.requests).toEqual([]);
  });

  it('is in the usage, and the other commands still refuse options', async () => {
    const help = await holdfast(home, ['help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    for (const command of ['status', 'init', 'unlock', 'backup', 'restore', 'rotate']) {
      expect(help.stdout).toContain(`holdfast key ${command} `);
    }
    expect((await holdfast(home, ['socket'])).stdout).toBe(`${home.paths.socket}\n`);
    expect((await holdfast(home, ['socket', '--agent'])).stdout).toBe(`${home.paths.agentSocket}\n`);
    expect(await holdfast(home, ['socket', '--passphrase'])).toMatchObject({ code: 2, stdout: '' });
  });
});
