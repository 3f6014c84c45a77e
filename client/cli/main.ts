import { version } from '../../shared/protocol.ts';
import { connect } from '../index.ts';
import { isGroup, UsageError, type Command, type Commands } from './command.ts';
import { commands } from './commands.ts';
import { explain } from './errors.ts';
import { commandHelp, groupHelp, overview } from './help.ts';
import { parse } from './parse.ts';
import { print, tell, tellError } from './screen.ts';
import { serving } from './serving.ts';

/** How long a call may take, in milliseconds. */
const deadlineMs = 15_000;

const entryOf = (name: string): Commands[string] | undefined =>
  Object.hasOwn(commands, name) ? commands[name] : undefined;
const isHelp = (word: string) => ['help', '--help', '-h'].includes(word);

async function main(argv: string[]): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === '-V') return main(['version', ...rest]);
  if (isHelp(name)) {
    const words = rest.filter((word) => !word.startsWith('-'));
    if (words.length > 0 && words[0] !== 'help') return await main([...words, '--help']);
    await print(overview(commands));
    return 0;
  }
  const entry = entryOf(name);
  if (!entry) {
    if (name === '') return complain(overview(commands));
    // Not repeated: what stands here may be a secret.
    throw new UsageError("There is no such command. See 'holdfast help'.");
  }
  const path = `holdfast ${name}`;
  if (!isGroup(entry)) return await runCommand(path, entry, rest);
  const [verb = '', ...others] = rest;
  if (isHelp(verb)) {
    await print(groupHelp(name, entry));
    return 0;
  }
  const command = Object.hasOwn(entry.commands, verb) ? entry.commands[verb] : undefined;
  if (command) return await runCommand(`${path} ${verb}`, command, others, entry.asks);
  if (verb === '') return complain(groupHelp(name, entry));
  throw new UsageError(`'${path}' needs one of: ${Object.keys(entry.commands).join(', ')}. See '${path} --help'.`);
}

async function runCommand(path: string, command: Command, argv: string[], asks = false): Promise<number> {
  const given = parse(path, command, argv);
  if (given.help) {
    await print(commandHelp(path, command));
    return 0;
  }
  if (asks) await serving();
  // It starts no daemon: that a person does by 'start', and sees what comes of it.
  await using client = connect({
    app: 'holdfast',
    client: `holdfast-cli/${version}`,
    deadlineMs,
    autostart: false,
  });
  return await command.run({ ...given, client, commands, environment: process.env });
}

function complain(text: string): number {
  tell(text.trimEnd());
  return 2;
}

// Who reads may have read enough: `holdfast sessions list | head -1`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) tellError(`stdout cannot be written (${error.code}): it is not whole.`);
    process.exit(1);
  });
}
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, exitCode } = explain(error);
  if (message) tellError(message);
  process.exitCode = exitCode;
}
