import { describe, expect, it } from 'vitest';
import { UsageError, type Command } from '../../client/cli/command.ts';
import { commands } from '../../client/cli/commands.ts';
import { commandHelp, exitCodes, groupHelp, overview } from '../../client/cli/help.ts';
import { parse } from '../../client/cli/parse.ts';

const command: Command = {
  args: '<id> [other]',
  summary: 'does it',
  options: {
    app: { type: 'string', value: 'NAME', summary: 'whose' },
    colour: { type: 'string', value: 'WORD', choices: ['red', 'blue'], summary: 'one' },
    tag: { type: 'string', value: 'TEXT', multiple: true, summary: 'a tag' },
    lines: { type: 'string', short: 'n', value: 'N', summary: 'so many' },
    json: { type: 'boolean', summary: 'as JSON' },
  },
  run: () => 0,
};
const given = (...argv: string[]) => parse('holdfast do', command, argv);

describe('arguments of a command', () => {
  it('are options in any place and form', () => {
    const call = given('--app=x', 'id', '-n5', '--tag', 'a', '--json', '--tag=-b');
    expect(call).toMatchObject({ args: ['id'], json: true, dryRun: false, help: false });
    expect([call.app(), call.count('lines', 1), call.texts('tag'), call.text('colour')]).toEqual([
      'x',
      5,
      ['a', '-b'],
      undefined,
    ]);
    expect(given('id').count('lines', 7)).toBe(7);
    expect(given('id', '--', '--json')).toMatchObject({ args: ['id', '--json'], json: false });
    expect(given('-h').help).toBe(true);
  });

  it.each([
    [[], /needs <id>/],
    [['a', 'b', 'hunter22'], /takes <id>/],
    [['a', '--app'], /--app needs a value/],
    [['a', '--app', '--json'], /--app needs a value/],
    [['a', '--json=hunter22'], /--json takes no value/],
    [['a', '--colour', 'hunter22'], /one of: red, blue/],
    [['a', '--hunter', 'hunter22'], /no option --hunter/],
    [['a', '--constructor'], /no option --constructor/],
    [['a', '--__proto__=1'], /no option --__proto__/],
    [['a', '-x'], /no option -x/],
    [['a', '--no-json'], /no option --no-json/],
  ])('are refused without repeating a value: %j', (argv, message) => {
    expect(() => given(...argv)).toThrow(message);
    expect(() => given(...argv)).toThrow(UsageError);
    expect(() => given(...argv)).not.toThrow(/hunter22/);
  });

  it.each(['many', '-1', '1.5', '', '1e3'])('are no count: %j', (text) => {
    expect(() => given('a', `--lines=${text}`).count('lines', 1)).toThrow(/--lines must be a whole number/);
  });

  it('must name the application where one is needed', () => {
    expect(() => given('a').app()).toThrow(/^'holdfast do' needs --app NAME: .*See 'holdfast do --help'\.$/);
  });
});

describe('help', () => {
  const all = Object.entries(commands).flatMap(([name, entry]): [string, Command][] =>
    'commands' in entry
      ? Object.entries(entry.commands).map(([verb, one]) => [`holdfast ${name} ${verb}`, one])
      : 'lines' in entry
        ? []
        : [[`holdfast ${name}`, entry]],
  );

  it.each(all)('of %s names its options and the exit codes, on lines that fit', (path, one) => {
    const screen = commandHelp(path, one);
    for (const option of Object.keys(one.options ?? {})) expect(screen).toContain(`--${option}`);
    expect(screen).toContain(exitCodes);
    expect(Math.max(...screen.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(overview(commands)).toContain(`  ${path} `);
  });

  it.each(all.filter(([path]) => /(delete|remove|uninstall)$/.test(path)))('%s can be tried first', (_path, one) => {
    expect(Object.keys(one.options ?? {})).toContain('dry-run');
  });

  it('of a group names its commands', () => {
    const { sessions } = commands;
    expect(sessions && 'commands' in sessions && groupHelp('sessions', sessions)).toMatch(/sessions tail <id> /);
  });
});
