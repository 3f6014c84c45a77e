import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A settings file of another application, as it was read. */
export interface SettingsFile {
  path: string;
  /** Where it lies in truth: links are followed, and stay. */
  real: string;
  /** undefined when there is none. */
  text: string | undefined;
}

export function readSettings(path: string): SettingsFile {
  if (!lstatSync(path, { throwIfNoEntry: false })) return { path, real: path, text: undefined };
  if (!existsSync(path)) throw new Error('it is a link to a file that is not there');
  const real = realpathSync(path);
  const bytes = readFileSync(real);
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) throw new Error('it is not UTF-8');
  return { path, real, text };
}

/** Puts a text in the place of what was read. A reader sees the old file or the new one, and a crash leaves one of them. */
export function replaceSettings(file: SettingsFile, text: string): void {
  const { path, real } = file;
  mkdirSync(dirname(real), { recursive: true, mode: 0o700 });
  const temporary = `${real}.${process.pid}.holdfast`;
  const mode = file.text === undefined ? 0o600 : statSync(real).mode & 0o777;
  try {
    const descriptor = openSync(temporary, 'wx', mode);
    try {
      // What the umask took away.
      fchmodSync(descriptor, mode);
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    // The application writes it too, and knows no lock of ours.
    if (readSettings(path).text !== file.text) throw new Error('it was changed by somebody else meanwhile: try again');
    renameSync(temporary, real);
  } finally {
    rmSync(temporary, { force: true });
  }
  const folder = openSync(dirname(real), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
