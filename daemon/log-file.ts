import {
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Bytes that a file holds at most; the one before is kept, so a log never has more than twice as many. */
const defaultMaxBytes = 5 * 1024 * 1024;

/**
 * A log file that is bounded while it is written: `FILE`, and `FILE.1` with what came before. Several processes may write it:
 * a daemon that finds another one says so there. Lines are whole. Nothing throws: a log that cannot be written (a full
 * disk, a removed directory) is no reason to stop serving.
 */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: { descriptor: number; inode: number } | undefined;

  constructor(path: string, maxBytes = defaultMaxBytes) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    } catch {
      // Who starts the daemon is told by stderr and by its exit code.
    }
  }

  write(line: string): void {
    try {
      const bytes = Buffer.from(line);
      const size = this.#makeRoom(bytes.length);
      append(this.#open(), bytes, size);
    } catch {
      // The next line may fit.
    }
  }

  /** Begins a new file when the line does not fit; answers how long the file is. */
  #makeRoom(length: number): number {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size === 0 || size + length <= this.#maxBytes) return size;
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // Bounded it stays, also where nothing can be renamed.
      truncateSync(this.#path);
    }
    return 0;
  }

  /** The file that the path names now: it may have been renamed, or removed, by us or by others. */
  #open(): number {
    const named = statSync(this.#path, { throwIfNoEntry: false })?.ino;
    if (this.#file && named === this.#file.inode) return this.#file.descriptor;
    // Closed and forgotten in one step: its number may be another file's the moment after.
    const old = this.#file;
    this.#file = undefined;
    if (old) closeSync(old.descriptor);
    const descriptor = openSync(this.#path, 'a', 0o600);
    const found = fstatSync(descriptor);
    this.#file = { descriptor, inode: found.ino };
    if (found.isFile() && (found.mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
    return descriptor;
  }
}

/** Appends all of the bytes, or none where the disk is full. */
function append(descriptor: number, bytes: Buffer, size: number): void {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  } catch {
    ftruncateSync(descriptor, size);
  }
}
