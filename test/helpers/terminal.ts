/** A command and its arguments that run this one on a terminal of its own. */
export const onTerminal = (command: string[]): [string, string[]] => [
  'script',
  process.platform === 'darwin' ? ['-q', '/dev/null', ...command] : ['-qec', command.join(' '), '/dev/null'],
];
