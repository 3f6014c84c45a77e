import { createInterface } from 'node:readline';
import { invalidField } from '../../shared/errors.ts';

/** A secret to ask for: `field` names it in an error; `again` asks a second time, where typing goes unseen. */
export interface Question {
  field: string;
  prompt: string;
  again?: string;
}

/** The person pressed Ctrl-C. */
export class Interrupted extends Error {}

/** More than any secret has, in bytes: stdin may be anything, and without an end. */
const longest = 64 * 1024;

/**
 * Secrets from stdin, in the order of the questions: typed unseen at a terminal, else a line for each. They are never
 * taken from the command line, which other users can read.
 */
export async function askSecrets(questions: Question[]): Promise<string[]> {
  const answers = process.stdin.isTTY ? await typed(questions) : await piped(questions);
  for (const [index, { field }] of questions.entries()) {
    if (!answers[index]) throw invalidField(field, 'must not be empty');
  }
  return answers;
}

/** What is typed is not shown: readline edits the line but has no output. Closing it restores the terminal. */
async function typed(questions: Question[]): Promise<string[]> {
  const terminal = createInterface({ input: process.stdin, terminal: true, historySize: 0 });
  const interrupted = new Promise<never>((_, reject) => terminal.once('SIGINT', () => reject(new Interrupted())));
  // One iterator for all questions, so that lines pasted together are not lost in between.
  const lines = terminal[Symbol.asyncIterator]();
  let current = '';
  // Ctrl-Z pauses readline for good: back from it, the rest of the secret would be typed into the shell.
  terminal.on('SIGCONT', () => {
    process.stderr.write(current);
    terminal.resume();
  });
  const ask = async (prompt: string): Promise<string> => {
    process.stderr.write((current = prompt));
    try {
      const { value, done } = await Promise.race([lines.next(), interrupted]);
      return done ? '' : value;
    } finally {
      process.stderr.write('\n');
    }
  };
  const answers: string[] = [];
  try {
    for (const { field, prompt, again } of questions) {
      const answer = await ask(prompt);
      if (answer !== '' && again !== undefined && (await ask(again)) !== answer) {
        throw invalidField(field, 'was not the same both times');
      }
      answers.push(answer);
    }
    return answers;
  } finally {
    terminal.close();
  }
}

/** Lines of a pipe or a file, read no further than needed: `pass show x | holdfast key unlock`. */
async function piped(questions: Question[]): Promise<string[]> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (linesOf(bytes).length > questions.length || bytes.length > longest) break;
  }
  const lines = linesOf(bytes);
  if (lines.length <= questions.length && bytes.length > longest) {
    throw invalidField(questions[lines.length - 1]?.field ?? 'stdin', 'is longer than any secret');
  }
  return questions.map(({ field }, index) => {
    try {
      // Not decoded leniently: another text would be kept than the one that was meant.
      return new TextDecoder('utf-8', { fatal: true }).decode(lines[index]).replace(/\r$/, '');
    } catch {
      throw invalidField(field, 'must be UTF-8');
    }
  });
}

/** Cut at line ends as bytes, so that what follows the lines we need may be anything. */
const linesOf = (bytes: Buffer): Buffer[] =>
  bytes
    .toString('latin1')
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1'));
