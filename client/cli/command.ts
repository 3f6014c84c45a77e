import type { Client } from '../index.ts';

export interface Option {
  type: 'boolean' | 'string';
  short?: string;
  /** May be given more than once. */
  multiple?: true;
  /** What stands for its value in a help screen. */
  value?: string;
  choices?: readonly string[];
  summary: string;
}

/** One command, all of it: how it is parsed, its help, its completion and what it does. */
export interface Command {
  /** Its arguments as help shows them and as they are counted: `<id>`, `[id]`, `<id>...`. */
  args?: string;
  summary: string;
  options?: Record<string, Option>;
  /** It asks for secrets: what is wrong with its arguments is told without repeating any. */
  secret?: true;
  /** More lines of its help. */
  more?: string;
  /** Answers the exit code. */
  run: (call: Call) => number | Promise<number>;
}

export interface Group {
  summary: string;
  /** Its commands are of no use without the daemon: it is looked at before. */
  asks?: true;
  commands: Record<string, Command>;
}

export type Commands = Record<string, Command | Group>;

/** What a command is called with. */
export interface Call {
  args: string[];
  /** `--json` was given. */
  json: boolean;
  dryRun: boolean;
  client: Client;
  commands: Commands;
  environment: NodeJS.ProcessEnv;
  flag: (name: string) => boolean;
  text: (name: string) => string | undefined;
  texts: (name: string) => string[];
  count: (name: string, fallback: number) => number;
  /** The application that was named; wrong usage when none was. */
  app: () => string;
}

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

export const isGroup = (entry: Commands[string]): entry is Group => 'commands' in entry;

// Options that several commands share.
export const json: Option = { type: 'boolean', summary: 'one JSON document instead of text for people' };
export const dryRun: Option = { type: 'boolean', summary: 'say what would be done, and change nothing' };
export const app: Option = { type: 'string', value: 'NAME', summary: 'the application whose data this is' };
export const limit: Option = { type: 'string', value: 'N', summary: 'at most so many (50)' };
export const erase: Option = { type: 'boolean', summary: 'for good, at once: it cannot be restored' };
