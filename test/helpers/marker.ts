import { lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { basename, join, relative } from 'node:path';

/** Fewer characters could stand somewhere by chance. */
const shortestPart = 20;

/**
 * The forms in which a secret stands in bytes. Where none is whole, those of which a part is found, as "raw, in part":
 * a database cuts a value at the end of a page, an error message after some characters. So two secrets of one test must
 * not share 20 characters in the same place.
 */
export function traces(secret: string, bytes: Uint8Array | string): string[] {
  if (secret.length < 2 * shortestPart) throw new Error(`a secret to search for needs ${2 * shortestPart} characters`);
  const haystack =
    typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Of the longest secret in the longest form, a part is still less than half a page: every page holds one.
  const count = Math.min(64, Math.floor(secret.length / shortestPart));
  const near = needlesOf(secret).filter(([, needle]) => partsOf(needle, count).some((part) => haystack.includes(part)));
  const whole = near.filter(([, needle]) => haystack.includes(needle));
  return whole.length > 0 ? whole.map(([form]) => form) : near.map(([form]) => `${form}, in part`);
}

function partsOf(needle: Buffer, count: number): Buffer[] {
  const starts = Array.from({ length: count + 1 }, (_, index) => Math.floor((needle.length * index) / count));
  return starts.slice(1).map((end, index) => needle.subarray(starts[index], end));
}

/** Every form with its bytes. A form that looks like one before it, as most texts do in JSON, is left out. */
function needlesOf(secret: string): [form: string, bytes: Buffer][] {
  const raw = Buffer.from(secret);
  const hex = raw.toString('hex');
  const json = JSON.stringify(secret).slice(1, -1);
  const percent = encodeURIComponent(secret);
  const form = new URLSearchParams([['', secret]]).toString().slice(1);
  const inBase64 = [0, 1, 2].map((offset) => innerBase64(raw, offset));
  const texts: [string, string][] = [
    ['raw', secret],
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['hex of a printed Buffer', hex.replaceAll(/(..)(?!$)/g, '$1 ')],
    ['numbers of a Buffer in JSON', raw.join(',')],
    ['percent', percent],
    ['lower-case percent', lowerPercent(percent)],
    ['form', form],
    ['lower-case form', lowerPercent(form)],
    ['percent throughout', hex.toUpperCase().replaceAll(/../g, '%$&')],
    ['lower-case percent throughout', hex.replaceAll(/../g, '%$&')],
    ['JSON', json],
    ['JSON with \\/', json.replaceAll('/', '\\/')],
    ['JSON in ASCII', json.replaceAll(/[^\0-\x7f]/g, unicodeEscape)],
    ['JSON in JSON', JSON.stringify(json).slice(1, -1)],
    ...inBase64.map((text, offset): [string, string] => [`base64 at ${offset}`, text]),
    ...inBase64.map((text, offset): [string, string] => [`base64url at ${offset}`, toUrl(text)]),
  ];
  const utf16 = Buffer.from(secret, 'utf16le');
  const all: [string, Buffer][] = [
    ...texts.map(([name, text]): [string, Buffer] => [name, Buffer.from(text)]),
    ['UTF-16 LE', utf16],
    ['UTF-16 BE', Buffer.from(utf16).swap16()],
  ];
  return all.filter(([, bytes], index) => all.findIndex(([, other]) => other.equals(bytes)) === index);
}

/** The characters of Base64 that are the same whatever stands before and behind, after `offset` bytes in a group of 3. */
function innerBase64(raw: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), raw]).toString('base64');
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + raw.length) * 8) / 6));
}

const toUrl = (base64: string) => base64.replaceAll('+', '-').replaceAll('/', '_');
const lowerPercent = (text: string) => text.replaceAll(/%../g, (escape) => escape.toLowerCase());
const unicodeEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

export interface Searched {
  /** `file: form`, with paths below the folder. A secret in the name itself is told as `name of file: form`. */
  found: string[];
  /** How much was read: a search that looked at nothing finds nothing. */
  files: number;
  bytes: number;
}

/**
 * Searches every regular file below a folder, byte by byte. Not for the process that has the database open: to close
 * a file drops its locks.
 */
export function searchTree(folder: string, secret: string): Searched {
  const searched: Searched = { found: [], files: 0, bytes: 0 };
  for (const { path, stats } of below(folder)) {
    const name = relative(folder, path);
    searched.found.push(...traces(secret, basename(path)).map((form) => `name of ${name}: ${form}`));
    const content = stats.isFile() ? unlessGone(() => readFileSync(path)) : undefined;
    if (!content) continue;
    searched.files += 1;
    searched.bytes += content.length;
    searched.found.push(...traces(secret, content).map((form) => `${name}: ${form}`));
  }
  return searched;
}

/** Every file, directory or socket below a folder that group or others may access, as `path: 0644`. */
export function openModes(folder: string): string[] {
  return [...below(folder)]
    .filter(({ stats }) => !stats.isSymbolicLink() && (stats.mode & 0o077) !== 0)
    .map(({ path, stats }) => `${relative(folder, path)}: ${(stats.mode & 0o7777).toString(8).padStart(4, '0')}`);
}

/** Everything below a folder, without following links. What a running daemon removes meanwhile is passed over. */
function* below(folder: string): Generator<{ path: string; stats: Stats }> {
  for (const name of readdirSync(folder).toSorted()) {
    const path = join(folder, name);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (!stats) continue;
    yield { path, stats };
    if (stats.isDirectory()) yield* unlessGone(() => [...below(path)]) ?? [];
  }
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
