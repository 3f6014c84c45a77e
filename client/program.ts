import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HoldfastError } from '../shared/errors.ts';

/** The daemon's oldest Node. */
export const oldestNode = 26;

/** The daemon by its installed path: a shebang or npx would find another Node, or none at login. */
export const daemonEntry = (): string => entryOf('holdfastd.js', 'main.ts');
/** The check of the database, a process as the daemon is. */
export const integrityEntry = (): string => entryOf('integrity.js', 'integrity.ts');

function entryOf(...names: string[]): string {
  const folder = join(import.meta.dirname, '..', 'daemon');
  const found = names.map((name) => join(folder, name)).find(existsSync);
  if (found === undefined)
    throw new HoldfastError('unavailable', `The daemon is missing in ${folder}: install holdfast again.`);
  return found;
}

/** The major version of a Node, 0 when it is none. */
export function majorOf(node: string): number {
  if (node === process.execPath && process.versions['bun'] === undefined) return Number.parseInt(process.versions.node);
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? 0);
}
