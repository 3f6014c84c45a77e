import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { app, type Call, type Command } from '../command.ts';
import { explain } from '../errors.ts';
import { tell, tellError } from '../screen.ts';
import { safe } from '../text.ts';
import { bodyOf, decode, headerLine, textOf, valueOfText } from './file.ts';
import { changeLines, conflictLines } from './report.ts';
import { storedOf, storeMerged, type Stored } from './store.ts';

export const edit: Command = {
  args: '<name>',
  summary: 'opens a document as YAML in $VISUAL or $EDITOR, and stores what was changed',
  options: { app },
  more: `What others changed meanwhile stays. Where they changed the same value, it is told by
its path and noted in the file; saved once more, yours counts. What cannot be read
or stored is kept in the file, and told with the line: nothing that was typed is
lost. Comments are not stored: keep them in a file, by export and import.`,
  run: async (call) => {
    const [own, [name = '']] = [call.app(), call.args];
    const stored = await storedOf(call.client, own, name);
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-edit-'));
    const file = join(folder, 'config.yaml');
    const text = await textOf(stored?.value ?? {}, headerLine(own, name, stored), 'yaml');
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 });
    const exitCode = await editUntilStored(call, { own, name, file, text, stored });
    if (exitCode === 0) rmSync(folder, { recursive: true, force: true });
    else {
      const next = `'holdfast config import ${safe(name)} ${file} --app ${own}' stores it`;
      tell(`Nothing was stored. What you wrote is kept in ${file}: ${next}.`);
    }
    return exitCode;
  },
};

interface Edited {
  own: string;
  name: string;
  file: string;
  /** What the editor was given. */
  text: string;
  /** What that was made from. */
  stored: Stored | undefined;
}

/** Answers 0 when nothing is left to be done with the file. */
async function editUntilStored(call: Call, { own, name, file, text, stored }: Edited): Promise<number> {
  for (let base = stored, first = true; ; first = false) {
    let exitCode = 1;
    try {
      await openEditor(call.environment, file);
      const written = decode(readFileSync(file));
      if (first && written === text) {
        tell('Nothing was changed.');
        return 0;
      }
      const mine = await valueOfText(written, 'yaml');
      const edited = { app: own, name, mine, baseOf: () => base?.value, dryRun: false };
      const { before, merged, changes, conflicts, version } = await storeMerged(call.client, edited);
      for (const line of conflicts.length > 0 ? conflictLines(conflicts) : changeLines(changes)) tell(safe(line));
      if (conflicts.length === 0) {
        tell(version === undefined ? 'Nothing was changed.' : `${safe(name)} is stored, as version ${version}.`);
        return 0;
      }
      base = before;
      const header =
        headerLine(own, name, before) +
        conflictLines(conflicts)
          // On one line: the name of a value may hold line ends, behind which the text would be no comment.
          .map((line) => `# ${safe(line)}\n`)
          .join('');
      writeFileSync(file, await textOf(merged ?? null, header, 'yaml', bodyOf(written)));
    } catch (error) {
      const told = explain(error);
      tellError(told.message);
      exitCode = told.exitCode;
    }
    if (!(await wantsAgain())) return exitCode;
  }
}

const ignore = () => undefined;

/** The editor has the terminal: Ctrl-C is for it. */
async function openEditor(environment: NodeJS.ProcessEnv, file: string): Promise<void> {
  const editor = environment['VISUAL'] || environment['EDITOR'] || 'vi';
  process.on('SIGINT', ignore);
  try {
    // By the shell, as it may have options: 'code --wait'.
    const child = spawn('/bin/sh', ['-c', `${editor} "$@"`, editor, file], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`The editor (${editor}) failed.`);
  } finally {
    process.off('SIGINT', ignore);
  }
}

async function wantsAgain(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = once(terminal, 'close').then(() => 'no');
  const answer = await Promise.race([terminal.question('Open it again? [Y/n] ').catch(() => 'no'), closed]);
  terminal.close();
  return !/^\s*n/i.test(answer);
}
