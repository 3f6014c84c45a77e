import { mkdirSync, writeFileSync } from 'node:fs';
import { readConfig, type Config } from './config.ts';
import { startDaemon } from './daemon.ts';
import { ExitError } from './exit.ts';
import { createLogger } from './logger.ts';

let config: Config | undefined;

/** Ends the process for a reason: in the log, on stderr for people, and by its exit code. */
function end(error: unknown): void {
  const known = error instanceof ExitError ? error : undefined;
  const exitCode = known?.exitCode ?? 69;
  const message = known?.message ?? `The daemon failed: ${String(error)}`;
  createLogger(config?.logLevel ?? 'info').fatal({ exitCode, ...(!known && { err: error }) }, message);
  process.stderr.write(`holdfastd: ${message}\n`);
  process.exitCode = exitCode;
  // launchd would start it again for ever: a reason that a restart cannot mend ends quietly, and is left to be read.
  if (config?.supervisor === 'launchd' && exitCode !== 69) {
    mkdirSync(config.paths.state, { recursive: true, mode: 0o700 });
    const report = { exitCode, message, at: new Date().toISOString() };
    writeFileSync(config.paths.lastError, `${JSON.stringify(report)}\n`, { mode: 0o600 });
    process.exitCode = 0;
  }
}

process.stderr.on('error', () => undefined);
try {
  config = readConfig();
  const daemon = await startDaemon(config, createLogger(config.logLevel));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void daemon.stop());
  const { socket, data } = config.paths;
  process.stderr.write(
    `holdfast is running. Ctrl-C stops it.\n\n  socket  ${socket}\n  data    ${data}\n` +
      `  health  curl --unix-socket '${socket}' http://localhost/v1/health\n\n`,
  );
  const reason = await daemon.stopped;
  if (reason) end(reason);
} catch (error) {
  end(error);
}
// A thread or a connection that will not end must not keep a stopped daemon alive.
setTimeout(() => process.exit(), 2_000).unref();
