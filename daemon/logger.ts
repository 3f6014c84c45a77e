import { pino, type Logger, type LoggerOptions } from 'pino';
import { LogFile } from './log-file.ts';
import { redact, redactAll } from './redact.ts';

export type { Logger };

/** What is told of an error. Its other fields may hold anything: the bytes of a request, its input. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return redactAll(error);
  const { type, message, stack } = pino.stdSerializers.err(error);
  return redactAll({ type, message, stack });
}

/** JSON lines to stdout or to a file, without secrets. Written at once: a worker transport would lose the last lines of a crash. */
export function createLogger(level: string, file?: string): Logger {
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: (line) => redactAll(line) },
    serializers: { err: describe },
    hooks: {
      logMethod(parts, method) {
        method.apply(this, parts.map((part) => (typeof part === 'string' ? redact(part) : part)) as typeof parts);
      },
    },
  };
  if (file !== undefined) return pino(options, new LogFile(file));
  const stdout = pino.destination({ dest: 1, sync: true });
  // Whoever read the log may go away (a closed pipe); that is no reason to stop serving.
  stdout.on('error', () => undefined);
  return pino(options, stdout);
}
