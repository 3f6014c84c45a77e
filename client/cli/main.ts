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

async function main(argv: string[]): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version' || name === '-V') return main(['version', ...rest]);
  if (name === 'help' || name === '--help' || name === '-h') return await help(rest);
  const entry = entryOf(name);
  if (!entry) {
    if (name === '') return complain(overview(commands));
    // Not repeated: what stands here may be a secret.
    throw new UsageError("There is no such command. See 'holdfast help'.");
  }
  const path = `holdfast ${name}`;
  if (!isGroup(entry)) return await runCommand(path, entry, rest);
  const [verb = '', ...others] = rest;
  if (verb === '--help' || verb === '-h' || verb === 'help') return await help([name]);
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

async function help([name = '', verb = '']: string[]): Promise<number> {
  const entry = entryOf(name);
  const command = entry && isGroup(entry) && Object.hasOwn(entry.commands, verb) ? entry.commands[verb] : undefined;
  if (!entry) await print(overview(commands));
  else if (command) await print(commandHelp(`holdfast ${name} ${verb}`, command));
  else await print(isGroup(entry) ? groupHelp(name, entry) : commandHelp(`holdfast ${name}`, entry));
  return 0;
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
