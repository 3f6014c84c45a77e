import { pino, type Logger } from 'pino';

export type { Logger };

/** JSON lines to stdout. Written at once: a worker transport would lose the last lines of a crash. */
export function createLogger(level: string): Logger {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
