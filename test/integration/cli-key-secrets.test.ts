import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdfast, keysAnswer, passphrase, posted, recoveryCode } from '../helpers/cli.ts';
import { TestHome } from '../helpers/daemon.ts';
import type { FakeDaemon } from '../helpers/fake-daemon.ts';

let home: TestHome;
let fake: FakeDaemon;
beforeEach(async () => {
  home = new TestHome();
  fake = await keysAnswer(home);
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});
const key = (args: string[], stdin?: string | Buffer, end?: boolean) => holdfast(home, ['key', ...args], stdin, end);

describe('a secret for holdfast key', () => {
  it.each([
    ['a line', `${passphrase}\n`, passphrase],
    ['no line end', passphrase, passphrase],
    ['a line of Windows', `${passphrase}\r\n`, passphrase],
    ['more lines than one', Buffer.from(`${passphrase}\nlogin: caf\xe9`, 'latin1'), passphrase],
    ['a long rest', `${passphrase}\n${'x'.repeat(1_000_000)}`, passphrase],
    ['white space around it', ` ${passphrase} \n`, ` ${passphrase} `],
    ['other letters', 'sésame 🔑 ouvre\n', 'sésame 🔑 ouvre'],
  ])('is read from stdin: %s', async (_name, stdin, expected) => {
    const { code, stdout, stderr } = await key(['unlock'], stdin);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('unlocked');
    expect(stderr).not.toContain(expected.trim());
    expect(posted(fake)).toEqual([`unlock ${JSON.stringify({ passphrase: expected })}`]);
  });

  it.each([
    [['init'], 'left alone\n', 'init {}'],
    [['init', '--passphrase'], `${passphrase}\n`, `init ${JSON.stringify({ passphrase })}`],
    [['restore'], ` ${recoveryCode} \nleft alone\n`, `restore ${JSON.stringify({ code: recoveryCode })}`],
    [
      ['restore', '--passphrase'],
      `${recoveryCode}\n${passphrase}\n`,
      `restore ${JSON.stringify({ code: recoveryCode, passphrase })}`,
    ],
    [['rotate'], 'left alone\n', 'rotate {}'],
  ])('is a line of stdin, of which no more is waited for: %j', async (args, stdin, expected) => {
    expect(await key(args, stdin, false)).toMatchObject({ code: 0, stdout: '' });
    expect(posted(fake)).toEqual([expected]);
  });

  it.each([
    ['nothing', ['unlock'], '', 'passphrase must not be empty.'],
    ['an empty line', ['init', '--passphrase'], '\nx\n', 'passphrase must not be empty.'],
    ['no second line', ['restore', '--passphrase'], `${recoveryCode}\n`, 'passphrase must not be empty.'],
    ['what is no UTF-8', ['unlock'], Buffer.from('caf\xe9 caf\xe9', 'latin1'), 'passphrase must be UTF-8.'],
    ['a line that is too long', ['restore'], 'x'.repeat(200_000), 'code is longer than any secret.'],
  ])('is not sent when it is %s', async (_name, args, stdin, message) => {
    expect(await key(args, stdin)).toEqual({ code: 1, stdout: '', stderr: `holdfast: ${message}\n` });
    // The daemon was there to be told.
    expect(fake.requests).not.toEqual([]);
    expect(posted(fake)).toEqual([]);
  });

  // That stdin would do is what the tests above show.
  it.each([
    [['unlock', passphrase]],
    [['unlock', '--', passphrase]],
    [['unlock', `--passphrase=${passphrase}`]],
    [['init', passphrase]],
    [['init', '--passphrase', passphrase]],
    [['init', `--passphrase=${passphrase}`]],
    [['restore', passphrase]],
    [['restore', '--passphrase', passphrase]],
    [['restore', `--code=${passphrase}`]],
  ])('is refused on the command line, and not repeated: %j', async (args) => {
    const { code, stdout, stderr } = await key(args, `${passphrase}\n${passphrase}\n`);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^holdfast: .*other users can see.*\n$/);
    expect(stderr).not.toContain(passphrase);
    expect(fake.requests).toEqual([]);
  });

  it.each([[[passphrase]], [['init', `--${passphrase}`]], [['status', passphrase]]])(
    'is not repeated where none belongs: %j',
    async (args) => {
      const { code, stdout, stderr } = await key(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^holdfast: .+\n$/);
      expect(stderr).not.toContain(passphrase);
    },
  );
});
