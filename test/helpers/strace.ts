import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHome } from './daemon.ts';
import { until } from './wait.ts';

/** What strace does to a daemon that runs under it, on the files of its database only. */
export interface Strace {
  /** For `home.start({ wrapper })`. */
  wrapper: string[];
  /** How many calls failed because we made them: a fault that never fired proves nothing. */
  injected(): number;
  /** The trace, once the daemon has ended. */
  text(): Promise<string>;
}

let traces = 0;

/**
 * Runs a daemon under strace. `when=` of an injection counts per thread, and only calls on `files`. The daemon keeps
 * the process id and exit code that the test sees (-D).
 */
export function strace(home: TestHome, files: string[], options: string[]): Strace {
  const trace = join(home.home, `trace-${++traces}`);
  const only = files.flatMap((path) => ['-P', path]);
  const read = () => (existsSync(trace) ? readFileSync(trace, 'latin1') : '');
  return {
    wrapper: ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', trace, ...only, ...options],
    injected: () => read().split('(INJECTED)').length - 1,
    text: async () => {
      await until('the trace is complete', () => /\+\+\+ (exited|killed)[^\n]*\n$/.test(read()) && allEnded(read()));
      return read();
    },
  };
}

/** Whether every thread in the trace has its last line. */
function allEnded(text: string): boolean {
  const threads = new Set(text.match(/^\d+/gm));
  return (text.match(/^\d+ \+\+\+ (exited|killed)/gm) ?? []).length >= threads.size;
}

/** One injected fault: `fault('fsync', 'EIO', '2')`, the second call of a thread; `'2..5'`, `'2+'` (from it on). */
export const fault = (call: string, error: string, when: string): string[] => [
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:${error}:when=${when}`,
];
