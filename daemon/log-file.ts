import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Bytes after which a new file is begun; the one before is kept, so a log never has more than twice as many. */
const maxBytes = 5 * 1024 * 1024;

/** A log file that is bounded while it is written: `FILE`, and `FILE.1` with what came before. */
export class LogFile {
  readonly #path: string;
  #file: number;
  #bytes: number;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#path = path;
    [this.#file, this.#bytes] = this.#open();
  }

  /** Never throws: a log that cannot be written (a full disk) is no reason to stop serving. */
  write(line: string): void {
    try {
      if (this.#bytes > maxBytes) this.#rotate();
      this.#bytes += writeSync(this.#file, line);
    } catch {
      // The next line may fit.
    }
  }

  #open(): [file: number, bytes: number] {
    const file = openSync(this.#path, 'a', 0o600);
    return [file, fstatSync(file).size];
  }

  #rotate(): void {
    closeSync(this.#file);
    renameSync(this.#path, `${this.#path}.1`);
    [this.#file, this.#bytes] = this.#open();
  }
}
