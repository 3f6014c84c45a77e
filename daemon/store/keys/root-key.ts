import { hash } from 'node:crypto';
import { chmodSync, existsSync, linkSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { ErrorCode } from '../../../shared/errors.ts';
import { fingerprintOf, keyBytes } from './cipher.ts';
import { readPrivate, syncDirectory, writePrivate } from './private-file.ts';
import { unwrap, Unlocked, type Wrapped } from './passphrase.ts';

/** What is in the key file. `fault` is an error code, and `detail` a sentence that says what mends it. */
export type Found =
  | { key: Buffer; fingerprint: string; wrapped: Wrapped | undefined }
  | {
      fault: Exclude<Extract<ErrorCode, `key_${string}`>, 'key_reused'>;
      detail: string;
      fingerprint?: string;
      wrapped?: Wrapped;
    };

/** What a thread needs to know of the root key: its path, and the memory of passphrase.ts that all threads share. */
export interface KeySource {
  path: string;
  memory: SharedArrayBuffer;
}

/** First word of the file, with the version of its form. */
const form = 'holdfast-root-key-1';
const restore = "Put it back, or run 'holdfast key restore' with your recovery code";

/**
 * The file of the root key: one line, `holdfast-root-key-1 file FINGERPRINT KEY CHECK`, or `... scrypt FINGERPRINT N r p
 * SALT SEALED CHECK`. It is read at each use: a key that is removed or replaced under the daemon is noticed, and one put back works.
 */
export class RootKeyFile {
  readonly path: string;
  readonly unlocked: Unlocked;

  constructor({ path, memory }: KeySource) {
    this.path = path;
    this.unlocked = new Unlocked(memory);
  }

  /** For another thread. */
  get source(): KeySource {
    return { path: this.path, memory: this.unlocked.memory };
  }

  /** The new key while a rotation is under way: see rotation.ts. */
  get nextPath(): string {
    return `${this.path}.next`;
  }

  read(path = this.path): Found {
    try {
      const found = readPrivate(path);
      if ('refused' in found) {
        return { fault: 'key_unreadable', detail: `${path} is no regular file of yours. ${restore}.` };
      }
      const parsed = this.#parse(path, found.text);
      if (!found.exposed) return parsed;
      const { fingerprint, wrapped } = parsed;
      const detail = `${path} is open to other users. Close it: chmod 600 '${path}'`;
      return {
        fault: 'key_exposed',
        detail,
        ...(fingerprint !== undefined && { fingerprint, ...(wrapped && { wrapped }) }),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return { fault: 'key_missing', detail: `The root key ${path} is missing. ${restore}.` };
      }
      return { fault: 'key_unreadable', detail: `The root key ${path} cannot be read: ${(error as Error).message}.` };
    }
  }

  #parse(path: string, line: string): Found {
    const words = line.trimEnd().split(' ');
    const check = words.pop();
    const [first, provider, fingerprint = '', ...rest] = words;
    const damaged: Found = { fault: 'key_wrong', detail: `${path} is cut off or damaged. ${restore}.` };
    if (first !== form || !line.endsWith('\n') || check !== checkOf(words)) return damaged;
    if (provider === 'file') {
      const key = Buffer.from(rest[0] ?? '', 'base64url');
      return key.length === keyBytes && fingerprintOf(key) === fingerprint
        ? { key, fingerprint, wrapped: undefined }
        : damaged;
    }
    const [N, r, p] = rest.slice(0, 3).map(Number);
    const [salt, sealed] = rest.slice(3);
    if (provider !== 'scrypt' || !N || !r || !p || !salt || !sealed) return damaged;
    const wrapped = { N, r, p, salt, sealed };
    const stretched = this.unlocked.get();
    const key = stretched && unwrap(stretched, wrapped);
    if (key && fingerprintOf(key) === fingerprint) return { key, fingerprint, wrapped };
    const detail = "The root key waits for its passphrase: run 'holdfast key unlock'.";
    return { fault: 'key_locked', detail, fingerprint, wrapped };
  }

  /** Where this thread prepares a file before it gets its name. */
  get #aside(): string {
    return `${this.path}.${process.pid}-${threadId}`;
  }

  /** Removes what a daemon that was killed had prepared. */
  sweep(): void {
    const prefix = `${basename(this.path)}.`;
    for (const name of readdirSync(dirname(this.path))) {
      const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (/^\d+-\d+$/.test(rest)) rmSync(join(dirname(this.path), name));
    }
  }

  /** Writes the file, durably, and its directory; false when there is one already, which is never overwritten. */
  create(key: Buffer, wrapped?: Wrapped): boolean {
    const aside = this.#aside;
    writePrivate(aside, lineOf(key, wrapped));
    try {
      linkSync(aside, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(aside, { force: true });
    }
    syncDirectory(dirname(this.path));
    return true;
  }

  /** Writes the new key of a rotation beside the old one. */
  writeNext(key: Buffer, wrapped: Wrapped | undefined): void {
    writePrivate(this.nextPath, lineOf(key, wrapped));
    syncDirectory(dirname(this.path));
  }

  /** Ends a rotation: the new key takes its place if the store needs it, else it never came to be used. */
  settleNext(needed: string | null): void {
    if (!existsSync(this.nextPath)) return;
    const { fingerprint } = this.read(this.nextPath);
    if (fingerprint === needed) renameSync(this.nextPath, this.path);
    else if (this.read().fingerprint === needed) rmSync(this.nextPath);
    else return;
    syncDirectory(dirname(this.path));
  }

  /** Puts a key in place of whatever is there. */
  replace(key: Buffer, wrapped: Wrapped | undefined, { keepOld }: { keepOld: boolean }): void {
    const aside = this.#aside;
    writePrivate(aside, lineOf(key, wrapped));
    if (keepOld && lstatSync(this.path, { throwIfNoEntry: false })) this.#setAside();
    renameSync(aside, this.path);
    syncDirectory(dirname(this.path));
  }

  /** Gives what is in place another name; at no moment is there nothing, where the system can do that. */
  #setAside(): void {
    const kept = `${this.path}.replaced-${Date.now()}`;
    // It may be a good key that was open to others.
    if (lstatSync(this.path).isFile()) chmodSync(this.path, 0o600);
    try {
      linkSync(this.path, kept);
    } catch {
      renameSync(this.path, kept);
    }
  }
}

/** The last word: without it, damage of a salt would look like a wrong passphrase. */
const checkOf = (words: string[]) => hash('sha256', words.join(' ')).slice(0, 8);

function lineOf(key: Buffer, wrapped: Wrapped | undefined): string {
  const { N, r, p, salt, sealed } = wrapped ?? {};
  const rest = wrapped
    ? ['scrypt', fingerprintOf(key), N, r, p, salt, sealed]
    : ['file', fingerprintOf(key), key.toString('base64url')];
  const words = [form, ...rest].map(String);
  return `${[...words, checkOf(words)].join(' ')}\n`;
}
