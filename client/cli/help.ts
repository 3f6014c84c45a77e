import { version } from '../../shared/protocol.ts';
import { isGroup, type Command, type Commands, type Group, type Option } from './command.ts';

/** The exit codes of every command: scripts depend on them. */
export const exitCodes = `Exit codes: 0 done; 1 refused, or something is wrong; 2 wrong usage; 69 not running or not reachable;
75 another holdfast owns the data; 78 a human is needed; 130 interrupted.`;

type Line = readonly [usage: string, summary: string];

const columns = (lines: readonly Line[], indent = '  ') => {
  const longest = Math.max(...lines.map(([usage]) => usage.length));
  return lines.map(([usage, summary]) => `${indent}${usage.padEnd(longest)}  ${summary}\n`).join('');
};

const usageOf = (name: string, { args }: Command) => `${name}${args ? ` ${args}` : ''}`;
const linesOf = (prefix: string, { commands }: Group): Line[] =>
  Object.entries(commands).map(([name, command]) => [usageOf(`${prefix} ${name}`, command), command.summary]);

/** The first screen: every command in a line. */
export function overview(commands: Commands): string {
  const groups = Object.entries(commands).map(([name, entry]): Line[] => {
    const path = `holdfast ${name}`;
    return isGroup(entry) ? linesOf(path, entry) : [[usageOf(path, entry), entry.summary]];
  });
  const width = Math.max(...groups.flat().map(([usage]) => usage.length));
  const padded = groups.map((lines) => lines.map(([usage, summary]): Line => [usage.padEnd(width), summary]));
  // Commands of no group stand together.
  const blocks = padded.map((lines, index) => (lines.length > 1 && index > 0 ? `\n${columns(lines)}` : columns(lines)));
  return `holdfast ${version}: keeps the state of command-line applications.

${blocks.join('')}
'holdfast COMMAND --help' says more, and names the options. What reads takes --json.
Secrets are asked for, or read from stdin: a line each, a recovery code first. Never give them as arguments.
An id of a session may be cut to its first characters, four at least, while only one session has them.
HOLDFAST_HOME moves the socket and the data. NO_COLOR turns colours off.

${exitCodes}
`;
}

export const groupHelp = (name: string, group: Group): string =>
  `holdfast ${name}: ${group.summary}\n\n${columns(linesOf(`holdfast ${name}`, group))}\n'holdfast ${name} COMMAND --help' names the options.\n`;

export function commandHelp(path: string, command: Command): string {
  const known: Record<string, Option> = { ...command.options, help: { type: 'boolean', short: 'h', summary: 'this' } };
  const options = Object.entries(known).map(([name, { short, summary, value, choices }]): Line => {
    const usage = `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;
    return [usage, choices ? `${summary}: ${choices.join(', ')}` : summary];
  });
  const more = command.more === undefined ? '' : `\n${command.more}\n`;
  return `${usageOf(path, command)} [options]\n\n  ${command.summary}\n\n${columns(options)}${more}\n${exitCodes}\n`;
}
