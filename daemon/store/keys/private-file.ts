import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

/** Longest file that is read, in bytes. */
const longest = 4096;

/** The text of a short regular file of ours that nobody else can open; throws what the system says. */
export function readPrivate(path: string): { text: string; exposed: boolean } | { refused: 'foreign' } {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { uid, mode, size } = fstatSync(file);
    const isFile = (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isFile || uid !== process.getuid?.()) return { refused: 'foreign' };
    const bytes = Buffer.alloc(Math.min(size, longest));
    const text = bytes.subarray(0, readSync(file, bytes)).toString('latin1');
    return { text, exposed: (mode & 0o077) !== 0 };
  } finally {
    closeSync(file);
  }
}

/** A private file with this content, made anew and durable; its directory is the caller's to sync. */
export function writePrivate(path: string, text: string): void {
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

export function syncDirectory(directory: string): void {
  const file = openSync(directory, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
