import { lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { mounts, networkFileSystem } from '../shared/mounts.ts';
import { user, type Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';

/** Makes the directories, 0700 and ours, and refuses what SQLite's locks do not work on. */
export function prepareDirectories(paths: Paths): void {
  for (const directory of [paths.data, paths.config, paths.state, dirname(paths.socket)]) makePrivate(directory);
  const type = networkFileSystem(paths.data, mounts());
  if (type === undefined) return;
  throw new ExitError(
    78,
    `${paths.data} lies on a network file system (${type}), where file locks cannot be trusted. ` +
      'Set HOLDFAST_HOME to a directory on a local disk.',
  );
}

function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ExitError(78, `${directory} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const found = lstatSync(directory);
  if (!found.isDirectory()) throw new ExitError(78, `${directory} is not a directory (a link, perhaps). Replace it.`);
  const { uid } = user();
  if (found.uid !== uid) {
    throw new ExitError(78, `${directory} belongs to user ${found.uid}. Give it to yours: chown ${uid} '${directory}'`);
  }
  if ((found.mode & 0o077) !== 0) {
    throw new ExitError(78, `${directory} is open to other users. Close it: chmod 700 '${directory}'`);
  }
}
