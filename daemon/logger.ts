import { pino, type Logger, type LoggerOptions } from 'pino';
import { redact, redactAll } from './redact.ts';

export type { Logger };

/** JSON lines to stdout, without secrets. Written at once: a worker transport would lose the last lines of a crash. */
export function createLogger(level: string): Logger {
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: (line) => redactAll(line) },
    serializers: { err: (error: Error) => redactAll(pino.stdSerializers.err(error)) },
    hooks: {
      logMethod(parts, method) {
        method.apply(this, parts.map((part) => (typeof part === 'string' ? redact(part) : part)) as typeof parts);
      },
    },
  };
  const stdout = pino.destination({ dest: 1, sync: true });
  // Whoever read the log may go away (a closed pipe); that is no reason to stop serving.
  stdout.on('error', () => undefined);
  return pino(options, stdout);
}
