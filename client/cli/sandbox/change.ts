import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { readSettings, replaceSettings } from './settings-file.ts';
import { userHome, type Tool } from './tool.ts';

/** What is done to the settings of a tool. */
export interface Change {
  verb: 'add' | 'remove';
  /** The tool, as it is named on the command line. */
  name: string;
  tool: Tool;
  /** Whether it was named, or is only one of all. */
  asked: boolean;
  socket: string;
  environment: NodeJS.ProcessEnv;
  dryRun: boolean;
}

/** What became of them. */
export interface Outcome {
  tool: string;
  title: string;
  file: string | null;
  action: 'added' | 'removed' | 'unchanged' | 'absent' | 'by-hand' | 'refused';
  /** Why, or what a person should know. */
  detail: string | null;
}

/** Adds the socket to the settings of a tool, or takes it away. What is not understood is left as it is. */
export function change({ verb, name, tool, asked, socket, environment, dryRun }: Change): Outcome {
  const { title, note } = tool;
  const path = tool.file?.(environment) ?? null;
  const end = (action: Outcome['action'], ...details: string[]): Outcome => {
    return { tool: name, title, file: path, action, detail: details.filter(Boolean).join(' ') || null };
  };
  const byHand = `'holdfast sandbox print ${name}' shows what to add by hand.`;
  const edit = tool[verb];
  if (!edit || path === null) return end('by-hand', 'It keeps no settings:', byHand);
  // No folder is made for a tool that nobody may have.
  if (!existsSync(dirname(path)) && !(asked && verb === 'add')) return end('absent');
  try {
    const file = readSettings(path);
    if (file.text === undefined && verb === 'remove') return end('absent');
    const text = edit(file.text ?? '', socket);
    if (text === file.text) return end('unchanged');
    if (!dryRun) replaceSettings(file, text);
    const inside = file.real === path || file.real.startsWith(`${userHome(environment)}/`);
    const link = inside ? '' : `It is a link to ${file.real}, outside of your home.`;
    return verb === 'add' ? end('added', link, note) : end('removed', link);
  } catch (error) {
    const advice = verb === 'add' ? byHand : 'Take the socket out by hand.';
    return end('refused', `It is left as it is: ${(error as Error).message}.`, advice);
  }
}
