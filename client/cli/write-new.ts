import { rename, rm, writeFile } from 'node:fs/promises';

/** Writes a file. One that was there stays whole until the new one is, beside it; one that is not there is not left in part. */
export async function writeNew(path: string, text: string, force: boolean, mode = 0o666): Promise<void> {
  const written = force ? `${path}.${process.pid}` : path;
  try {
    await writeFile(written, text, { flag: force ? 'w' : 'wx', mode });
    if (force) await rename(written, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') await rm(written, { force: true });
    throw new Error(`${path} ${code === 'EEXIST' ? 'exists: --force replaces it' : `cannot be written (${code})`}.`, {
      cause: error,
    });
  }
}
