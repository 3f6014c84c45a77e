import { app, type Command } from '../command.ts';
import { print } from '../screen.ts';
import { safeLines } from '../text.ts';
import { find } from './find.ts';

const formats = ['markdown', 'json', 'ndjson'] as const;

export const exportOne: Command = {
  args: '<id>',
  summary: 'a whole session on stdout, to read or to keep',
  options: {
    app,
    format: { type: 'string', value: 'FORMAT', choices: formats, summary: 'markdown when absent' },
  },
  more: "What was written before an error is not whole: the exit code tells ('... > session.md && echo whole').",
  run: async (call) => {
    const format = (call.text('format') ?? 'markdown') as (typeof formats)[number];
    // Exact where it is kept; on a terminal, what the terminal would obey is written out.
    const shown = process.stdout.isTTY ? safeLines : (text: string) => text;
    for await (const text of call.client.sessions.export({ ...(await find(call)), format })) await print(shown(text));
    return 0;
  },
};
