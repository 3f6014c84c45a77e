import { constants } from 'node:fs';
import { access, open, realpath, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, invalidField } from '../shared/errors.ts';

// Invariant: every byte comes from the one descriptor that was looked at, and that one was reached from the root by
// descriptors alone, or by one call of the kernel that follows no link. A path that is checked first and opened then may
// name another file by then.

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** Of macOS: no link is followed anywhere on the way. */
const noFollowAny = 0x2000_0000;
/** A pipe without a writer must not hold the caller up, and a terminal not become its own. */
const toRead = O_RDONLY | O_NONBLOCK | O_NOCTTY;
const chunkBytes = 65_536;

/**
 * The content of a regular file under `root`, of at most `maxBytes` bytes, read in this process. `path` is relative and names
 * each directory; no link in it is followed, whoever changes the directories meanwhile. `root` itself is trusted. Throws
 * HoldfastError: `invalid_input` for a path that leads elsewhere or to what is no regular file, `not_found`, `too_large`
 * also for a file that grows beyond `maxBytes` while it is read, `unavailable` where the system cannot do it; and the
 * system's own error, as EACCES, for the rest.
 */
export async function readGuarded(root: string, path: string, maxBytes: number): Promise<Buffer> {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0)
    throw invalidField('maxBytes', 'must be a whole number of bytes');
  const names = path.split('/');
  const flaw = names.some((name) => name === '' || name === '.' || name === '..') || path.includes('\0');
  if (flaw) throw invalidField('path', "must be relative, with no '.', '..', empty name or NUL in it");
  const file = await (process.platform === 'darwin' ? openAtOnce(root, path) : openStepwise(root, names));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw invalidField('path', 'must name a regular file');
    return await content(file, stats.size, maxBytes);
  } finally {
    await file.close();
  }
}

async function openAtOnce(root: string, path: string): Promise<FileHandle> {
  return open(join(await realpath(root), path), toRead | noFollowAny).catch(refuse);
}

/** Each name is looked up in the open directory before it, which nobody can swap. */
async function openStepwise(root: string, names: string[]): Promise<FileHandle> {
  let at = await open(root, O_RDONLY | O_DIRECTORY).catch(refuse);
  for (const [index, name] of names.entries()) {
    const directory = at;
    const flags = index === names.length - 1 ? toRead : O_RDONLY | O_DIRECTORY;
    try {
      at = await open(`/proc/self/fd/${directory.fd}/${name}`, flags | O_NOFOLLOW);
    } catch (error) {
      await access('/proc/self/fd').catch(noProc);
      refuse(error);
    } finally {
      await directory.close();
    }
  }
  return at;
}

/** Without /proc nothing can be looked up, and nothing is there. */
function noProc(): never {
  throw new HoldfastError(
    'unavailable',
    'Files cannot be read safely here: there is no /proc. Mount it.',
    {},
    { retryable: false },
  );
}

function refuse(error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') throw new HoldfastError('not_found', 'There is no such file.', {}, { cause: error });
  if (code === 'ELOOP' || code === 'ENOTDIR') throw invalidField('path', 'must not lead through a link or a file');
  // A socket.
  if (code === 'ENXIO') throw invalidField('path', 'must name a regular file');
  throw error;
}

async function content(file: FileHandle, size: number, maxBytes: number): Promise<Buffer> {
  const tooLarge = () => new HoldfastError('too_large', `The file has more than ${maxBytes} bytes.`);
  if (size > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    // A byte more than there may be, for the end or for what has grown.
    const length = Math.min(Math.max(size + 1 - total, chunkBytes), maxBytes + 1 - total);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length);
    if (bytesRead === 0) return Buffer.concat(chunks, total);
    chunks.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
    if (total > maxBytes) throw tooLarge();
  }
}
