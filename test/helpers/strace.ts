import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { TestHome, type DaemonProcess } from './daemon.ts';
import { until } from './wait.ts';

/** What strace does to a daemon that runs under it, on the files of its database only. */
export interface Strace {
  /** For `home.start({ wrapper })`. */
  wrapper: string[];
  /** How many calls failed because we made them: a fault that never fired proves nothing. */
  injected: () => number;
  /** The path of the trace, once all of a daemon that has ended is in it. */
  finished: (daemon: DaemonProcess) => Promise<string>;
}

let traces = 0;

/**
 * Runs a daemon under strace. `when=` of an injection counts per thread, and only calls on `files`. The daemon keeps
 * the process id and exit code that the test sees (-D).
 */
export function strace(home: TestHome, files: string[], options: string[]): Strace {
  const trace = join(home.home, `trace-${++traces}`);
  const only = files.flatMap((path) => ['-P', path]);
  return {
    wrapper: ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', trace, ...only, ...options],
    injected: () => readFileSync(trace, 'latin1').split('(INJECTED)').length - 1,
    finished: async ({ pid }) => {
      // The line of the first thread is the last one.
      await until('the trace is complete', () => new RegExp(`\\n${pid} +\\+\\+\\+ .*\n$`).test(tailOf(trace)));
      return trace;
    },
  };
}

/** The end of a file, which may be long. */
function tailOf(path: string): string {
  const bytes = Buffer.alloc(1000);
  const file = openSync(path, 'r');
  const length = readSync(file, bytes, 0, bytes.length, Math.max(0, fstatSync(file).size - bytes.length));
  closeSync(file);
  return bytes.toString('latin1', 0, length);
}

/**
 * A home whose store exists, holds the session `s` and was closed cleanly: the first call of a thread on its files is
 * then the first write of the test.
 */
export async function homeWithStore(): Promise<TestHome> {
  const home = new TestHome();
  const daemon = await home.start();
  await home.client().sessions.create({ id: 's' });
  const { code } = await daemon.end();
  if (code !== 0) throw new Error(`the daemon did not stop cleanly: ${daemon.stderr}`);
  return home;
}

/** One injected fault: `fault('fsync', 'error=EIO', '2')`, the second call of a thread; `'2..5'`, `'2+'` (from it on). */
export const fault = (call: string, error: string, when: string): string[] => [
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:${error}:when=${when}`,
];
