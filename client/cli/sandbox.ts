import { paths } from '../../shared/paths.ts';
import { dryRun, json, UsageError, type Call, type Command, type Group } from './command.ts';
import { bubblewrap } from './sandbox/bubblewrap.ts';
import { change, type Change, type Outcome } from './sandbox/change.ts';
import { claudeCode } from './sandbox/claude-code.ts';
import { codex } from './sandbox/codex.ts';
import type { Tool } from './sandbox/tool.ts';
import { paint, print, printJson, wrap } from './screen.ts';
import { safe } from './text.ts';

const tools: Record<string, Tool> = { 'claude-code': claudeCode, codex, bubblewrap };
const args = '[tool]';
const more = `The tool is ${Object.keys(tools).join(', ')} or all, which is also what is meant when none is named.`;

/** The tools that were named; all of them when none was. */
function named({ args: [name = 'all'] }: Call): [name: string, tool: Tool][] {
  const chosen = Object.entries(tools).filter(([tool]) => name === 'all' || name === tool);
  if (chosen.length === 0) throw new UsageError(`There is no such tool. ${more}`);
  return chosen;
}

const paragraph = (text: string, indent = '') => `${wrap(text, indent).join('\n')}\n`;

const printing: Command = {
  args,
  summary: 'what to add by hand, so that what runs in a sandbox may use holdfast',
  options: { json },
  more,
  run: async (call) => {
    const { agentSocket: socket } = paths(call.environment);
    const about = named(call).map(([tool, { title, file, byHand, note }]) => {
      return { tool, title, file: file?.(call.environment) ?? null, add: byHand(socket), note };
    });
    if (call.json) await printJson({ socket, tools: about });
    else {
      await print(`The restricted socket, the only one to allow:\n\n    ${safe(socket)}\n`);
      for (const { title, file, add, note } of about) {
        const lines = add.split('\n').map((line) => `    ${safe(line)}\n`);
        const place = file === null ? '' : `  ${safe(file)}`;
        await print(`\n${paint('bold', title)}${place}\n\n${lines.join('')}\n${paragraph(note)}`);
      }
    }
    return 0;
  },
};

const changing = (verb: Change['verb'], summary: string): Command => ({
  args,
  summary,
  options: { json, 'dry-run': dryRun },
  more,
  run: async (call) => {
    const { environment, dryRun: dry } = call;
    const { agentSocket: socket } = paths(environment);
    const asked = call.args.length > 0 && call.args[0] !== 'all';
    const outcomes = named(call).map(([name, tool]) =>
      change({ verb, name, tool, asked, socket, environment, dryRun: dry }),
    );
    if (call.json) await printJson({ socket, dryRun: dry, tools: outcomes });
    else for (const outcome of outcomes) await print(told(outcome, dry));
    return outcomes.some(({ action }) => action === 'refused') ? 1 : 0;
  },
});

const words: Record<Outcome['action'], string> = {
  added: 'added',
  removed: 'removed',
  unchanged: 'unchanged',
  absent: 'not here',
  'by-hand': 'by hand',
  refused: 'refused',
};

function told({ title, file, action, detail }: Outcome, dry: boolean): string {
  const word = `${dry && /^(added|removed)$/.test(action) ? 'would be ' : ''}${words[action]}`;
  const line = `${word.padEnd(16)}  ${title}${file === null ? '' : `  ${safe(file)}`}\n`;
  return detail === null ? line : line + paragraph(detail, '    ');
}

export const sandbox: Group = {
  summary: 'lets what an agent runs in a sandbox use holdfast: it may append and read, no more',
  commands: {
    print: printing,
    install: changing('add', 'adds the restricted socket, and nothing else, to the settings of these tools'),
    remove: changing('remove', 'takes it out of them again'),
  },
};
