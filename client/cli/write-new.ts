import type { Stats } from 'node:fs';
import { chmod, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { statsOf } from './stats.ts';

const kept = ({ mode }: Stats) => mode & 0o777;

/**
 * Writes a file. One that was there stays whole until the new one is, beside it; one that is not there is not left in part.
 * A link goes on leading where it does, and what is replaced keeps its mode. A directory, a pipe or a device is never replaced.
 */
export async function writeNew(path: string, text: string, force: boolean, mode = 0o666): Promise<void> {
  const before = force ? statsOf(path) : undefined;
  // A directory is not replaced anyway.
  if (before && !before.isFile() && !before.isDirectory())
    throw new Error(`${path} is no file that could be replaced.`);
  const target = force ? await realpath(path).catch(() => path) : path;
  const written = force ? `${target}.${process.pid}` : path;
  try {
    await writeFile(written, text, { flag: force ? 'w' : 'wx', mode: before ? kept(before) : mode, flush: true });
    // The umask has taken bits away.
    if (before) await chmod(written, kept(before));
    if (force) await rename(written, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') await rm(written, { force: true });
    throw new Error(`${path} ${code === 'EEXIST' ? 'exists: --force replaces it' : `cannot be written (${code})`}.`, {
      cause: error,
    });
  }
}
