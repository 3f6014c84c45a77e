import { pino, type Logger } from 'pino';

export type { Logger };

/** JSON lines to stdout. Written at once: a worker transport would lose the last lines of a crash. */
export function createLogger(level: string): Logger {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  const stdout = pino.destination({ dest: 1, sync: true });
  // Whoever read the log may go away (a closed pipe); that is no reason to stop serving.
  stdout.on('error', () => undefined);
  return pino(options, stdout);
}
