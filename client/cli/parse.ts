import { parseArgs } from 'node:util';
import { app as appOption, UsageError, type Call, type Command, type Option } from './command.ts';

type Given = Pick<Call, 'args' | 'json' | 'dryRun' | 'flag' | 'text' | 'texts' | 'count' | 'app'> & { help: boolean };

/**
 * What was given to a command. Errors name options and never repeat a value: it may be a secret that somebody put there.
 * Own checks, because the strict ones of parseArgs quote arguments.
 */
export function parse(path: string, command: Command, argv: string[]): Given {
  const known: Record<string, Option> = { ...command.options, help: { type: 'boolean', short: 'h', summary: '' } };
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short && { short }), ...(multiple && { multiple }) },
    ]),
  );
  const { values, positionals, tokens } = parseArgs({
    args: argv,
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const see = `See '${path} --help'.`;
  const isPlain = (token: (typeof tokens)[number]) =>
    token.kind === 'option' && Object.hasOwn(known, token.name) && token.value === undefined;
  if (command.secret && !tokens.every(isPlain)) {
    throw new UsageError(
      `'${path}' takes no secret from the command line, which other users can see and the shell keeps: it asks, or reads stdin. ${see}`,
    );
  }
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (!option) throw new UsageError(`'${path}' has no option ${token.rawName}. ${see}`);
    const wanted = option.type === 'string';
    // A value that begins with - is taken for a forgotten one, unless it is written after =.
    const missing = token.value === undefined || (!token.inlineValue && token.value.startsWith('-'));
    if (wanted && missing) throw new UsageError(`${token.rawName} needs a value. ${see}`);
    if (!wanted && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value. ${see}`);
    if (wanted && option.choices && !option.choices.includes(token.value ?? '')) {
      throw new UsageError(`${token.rawName} must be one of: ${option.choices.join(', ')}.`);
    }
  }
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const help = values['help'] === true;
  if (!help) checkCount(path, command.args ?? '', positionals.length, see);
  return {
    args: positionals,
    help,
    json: values['json'] === true,
    dryRun: values['dry-run'] === true,
    flag: (name) => values[name] === true,
    text,
    texts: (name) => [values[name] ?? []].flat().filter((value) => typeof value === 'string'),
    count: (name, fallback) => {
      const value = text(name);
      if (value === undefined) return fallback;
      if (!/^\d{1,15}$/.test(value)) throw new UsageError(`--${name} must be a whole number. ${see}`);
      return Number(value);
    },
    app: () => {
      const name = text('app');
      if (name !== undefined) return name;
      throw new UsageError(`'${path}' needs --app NAME: ${appOption.summary}. ${see}`);
    },
  };
}

function checkCount(path: string, usage: string, given: number, see: string): void {
  const wanted = usage.split(' ').filter(Boolean);
  const least = wanted.filter((arg) => arg.startsWith('<')).length;
  const most = usage.includes('...') ? Infinity : wanted.length;
  if (given < least) throw new UsageError(`'${path}' needs ${usage}. ${see}`);
  if (given > most) throw new UsageError(`'${path}' takes ${usage || 'no argument'}. ${see}`);
}
