import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HoldfastError } from '../shared/errors.ts';
import { paths, user } from '../shared/paths.ts';
import { lastErrorOf } from './daemon-files.ts';

type Environment = NodeJS.ProcessEnv;

export const unit = 'holdfast.service';
/** The label of the plist, and the name of its file. */
export const label = 'dev.holdfast.daemon';
/** launchctl: the service runs already. */
const inProgress = 37;

export interface Ran {
  /** null when the command could not be run at all. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export type Run = (command: string[], environment: Environment, signal?: AbortSignal) => Promise<Ran>;

export const run: Run = async ([file = '', ...rest], environment, signal) => {
  try {
    const env = managerEnvironment(environment);
    const { stdout, stderr } = await promisify(execFile)(file, rest, { env, ...(signal && { signal }) });
    return { code: 0, stdout, stderr };
  } catch (error) {
    signal?.throwIfAborted();
    const failed = error as Error & { code?: unknown; stdout?: string; stderr?: string };
    const code = typeof failed.code === 'number' ? failed.code : null;
    return { code, stdout: failed.stdout ?? '', stderr: failed.stderr || failed.message };
  }
};

/** systemctl finds its manager by XDG_RUNTIME_DIR, which su and sudo leave unset. */
function managerEnvironment(environment: Environment): Environment {
  const runtime = `/run/user/${user().uid}`;
  if (environment['XDG_RUNTIME_DIR'] || !existsSync(runtime)) return { ...environment, LC_ALL: 'C' };
  return { ...environment, LC_ALL: 'C', XDG_RUNTIME_DIR: runtime };
}

/** Where a service of this user is described. By his home alone, as all our paths. */
export function serviceFile(environment: Environment): string {
  const { home } = paths({ ...environment, HOLDFAST_HOME: undefined });
  return process.platform === 'darwin'
    ? join(home, 'Library', 'LaunchAgents', `${label}.plist`)
    : join(home, '.config', 'systemd', 'user', unit);
}

/** What a service must be told to use the paths that we use: a manager knows nothing of our environment. */
export function settingsOf(environment: Environment): Record<string, string> {
  const { home } = paths(environment);
  if (environment['HOLDFAST_HOME']) return { HOLDFAST_HOME: home };
  return home === paths({ HOME: user().homedir }).home ? {} : { HOME: home };
}

const unitWord = (quoted: string) => quoted.replaceAll('%%', '%').replaceAll(/\\(.)/g, '$1');
const plistWord = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** The settings written in a service file of ours, of either kind. */
export function settingsIn(text: string): Record<string, string> {
  const ofUnit = [...text.matchAll(/^Environment="(\w+)=((?:[^"\\]|\\.)*)"$/gm)].map(([, name = '', value = '']) => [
    name,
    unitWord(value),
  ]);
  const ofPlist = [...text.matchAll(/<key>(\w+)<\/key>\s*<string>([^<]*)<\/string>/g)].map(
    ([, name = '', value = '']) => [name, plistWord(value)],
  );
  return Object.fromEntries([...ofUnit, ...ofPlist]) as Record<string, string>;
}

/** The Node and the daemon that a service file of ours runs: the last two words of its command. */
export function programIn(text: string): string[] {
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(text) ?? [];
  const [, list = ''] = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(text) ?? [];
  const ofUnit = [...command.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ''], index) =>
    // The name of a program is not looked through for variables.
    index === 0 ? unitWord(word) : unitWord(word).replaceAll('$$', '$'),
  );
  const ofPlist = [...list.matchAll(/<string>([^<]*)<\/string>/g)].map(([, word = '']) => plistWord(word));
  return [...ofUnit, ...ofPlist].slice(-2);
}

export interface Installed {
  file: string;
  text: string;
  /** Whether its daemon is the one that we would talk to. */
  mine: boolean;
  /** The directory its daemon keeps its data in. */
  data: string;
}

/** The service that is installed for this user, if one is. */
export function installedService(environment: Environment): Installed | undefined {
  const file = serviceFile(environment);
  try {
    const text = readFileSync(file, 'utf8');
    const { HOLDFAST_HOME, HOME = user().homedir } = settingsIn(text);
    const { data } = paths({ HOLDFAST_HOME, HOME });
    return { file, text, mine: data === paths(environment).data, data };
  } catch {
    return undefined;
  }
}

/**
 * Starts the daemon by the service manager; false when that has no service of ours, or there is no manager. Throws when it has
 * one and could not start it: a daemon beside a service that fails would only hide why.
 */
export async function startByManager(environment: Environment, signal?: AbortSignal): Promise<boolean> {
  const installed = installedService(environment);
  if (!installed?.mine) return false;
  // Its Node or its daemon was moved away: it cannot run, so it is in nobody's way, and 'holdfast service status' tells.
  if (!programIn(installed.text).every(existsSync)) return false;
  if (process.platform === 'darwin') {
    for (const domain of ['gui', 'user']) {
      const { code } = await run(['launchctl', 'kickstart', `${domain}/${user().uid}/${label}`], environment, signal);
      if (code === 0 || code === inProgress) return true;
    }
    return false;
  }
  const known = await run(['systemctl', '--user', 'show', '--property=LoadState', unit], environment, signal);
  if (known.code !== 0 || !known.stdout.includes('LoadState=loaded')) return false;
  const { code, stderr } = await run(['systemctl', '--user', 'start', unit], environment, signal);
  if (code === 0) return true;
  const said = lastErrorOf(paths(environment))?.message ?? stderr.trim().replaceAll(/\s+/g, ' ');
  throw new HoldfastError(
    'unavailable',
    `holdfast is not running: its service did not start: ${said} ` +
      `To mend it, look at 'systemctl --user status ${unit}', then run 'holdfast service install'.`,
  );
}
