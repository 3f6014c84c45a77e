import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fingerprintOf } from '../../daemon/store/keys/cipher.ts';

/** The file of another root key than any store needs. */
export function anotherKey(): string {
  const key = randomBytes(32);
  return `holdfast-root-key-1 file ${fingerprintOf(key)} ${key.toString('base64url')}\n`;
}

interface Fault {
  /** What the daemon must call it. */
  code: 'key_missing' | 'key_wrong' | 'key_exposed' | 'key_unreadable';
  make: (path: string) => void;
}
const inItsPlace = (code: Fault['code'], make: (path: string) => void): Fault => ({
  code,
  make: (path) => {
    rmSync(path);
    make(path);
  },
});

/** What can be wrong with the file of a root key. */
export const faults: Record<string, Fault> = {
  removed: inItsPlace('key_missing', () => undefined),
  'another key': { code: 'key_wrong', make: (path) => writeFileSync(path, anotherKey()) },
  'empty file': { code: 'key_wrong', make: (path) => writeFileSync(path, '') },
  'not a key': { code: 'key_wrong', make: (path) => writeFileSync(path, randomBytes(5000)) },
  'mode 0644': { code: 'key_exposed', make: (path) => chmodSync(path, 0o644) },
  'mode 0640': { code: 'key_exposed', make: (path) => chmodSync(path, 0o640) },
  'mode 0601': { code: 'key_exposed', make: (path) => chmodSync(path, 0o601) },
  directory: inItsPlace('key_unreadable', (path) => mkdirSync(path, { mode: 0o700 })),
  'symbolic link': {
    code: 'key_unreadable',
    make: (path) => {
      renameSync(path, `${path}-elsewhere`);
      symlinkSync(`${path}-elsewhere`, path);
    },
  },
  'dangling link': inItsPlace('key_unreadable', (path) => symlinkSync('nowhere', path)),
  'named pipe': inItsPlace('key_unreadable', (path) => execFileSync('mkfifo', ['-m', '600', path])),
  // Root reads a file without any mode bit, but not as its own.
  "another user's": {
    code: 'key_unreadable',
    make: (path) => (process.getuid?.() === 0 ? chownSync(path, 65_534, 65_534) : chmodSync(path, 0)),
  },
};

/** Everything beside a root key, as `name mode: content`. */
export function beside(path: string): string[] {
  return readdirSync(dirname(path)).map((name) => {
    const file = join(dirname(path), name);
    const stats = lstatSync(file);
    const content = stats.isFile() ? readFileSync(file, 'latin1') : '';
    return `${name} ${(stats.mode & 0o177777).toString(8)} ${stats.uid}: ${content}`;
  });
}
