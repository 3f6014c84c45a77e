import { existsSync, readFileSync } from 'node:fs';
import type { Json } from '../../../shared/json.ts';
import { app, type Command } from '../command.ts';
import { print, tell } from '../screen.ts';
import { safe, safeLines } from '../text.ts';
import { writeNew } from '../write-new.ts';
import { decode, formatOf, formats, headerLine, textOf, type Format } from './file.ts';

export const exportFile: Command = {
  args: '<name> [file]',
  summary: 'a document as YAML or JSON, on stdout or in a file',
  options: {
    app,
    format: { type: 'string', value: 'FORMAT', choices: formats, summary: 'json for a file named so, else yaml' },
    force: { type: 'boolean', summary: 'replace the file if there is one' },
  },
  more: `The first line of YAML says which version it is: 'config import' merges by that. With
--force, what is in a YAML file is replaced by what is stored, and its comments stay.`,
  run: async (call) => {
    const [own, [name = '', path = '-']] = [call.app(), call.args];
    const stored = await call.client.config.get({ app: own, name });
    const format = (call.text('format') as Format | undefined) ?? formatOf(path);
    const replaces = path !== '-' && call.flag('force') && existsSync(path);
    const old = replaces && format === 'yaml' ? decode(readFileSync(path)) : undefined;
    const text = await textOf(stored.value as Json, headerLine(own, name, stored), format, old).catch(
      (error: unknown) => {
        throw new Error(`${path}: ${(error as Error).message}.`, { cause: error });
      },
    );
    if (path === '-') {
      // Exact where it is kept; on a terminal, what the terminal would obey is written out.
      await print(process.stdout.isTTY ? safeLines(text) : text);
      return 0;
    }
    await writeNew(path, text, call.flag('force'), 0o600);
    tell(`${safe(name)} is written to ${safe(path)}: version ${stored.version}.`);
    return 0;
  },
};
