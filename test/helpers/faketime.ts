import { execFileSync } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SpawnOptions, TestHome } from './daemon.ts';

/** A wall clock of its own for a process, which is set while that runs. Clocks that nobody sets go on as they do. */
export class FakeClock {
  readonly #file: string;

  constructor({ home }: TestHome) {
    this.#file = join(home, 'clock');
    this.set(0);
  }

  /** Sets it to so many milliseconds after the true time, or before it. */
  set(aheadMs: number): void {
    const aside = `${this.#file}.new`;
    writeFileSync(aside, `${aheadMs < 0 ? '' : '+'}${aheadMs / 1000}\n`);
    renameSync(aside, this.#file);
  }

  /** What makes a daemon live by it. */
  get options(): SpawnOptions {
    // The library's own command knows where it lies.
    const library = execFileSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
    return {
      env: {
        LD_PRELOAD: library.trim(),
        FAKETIME_TIMESTAMP_FILE: this.#file,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      },
    };
  }
}
