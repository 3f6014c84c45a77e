import { mkdirSync, writeFileSync } from 'node:fs';
import { paths } from '../shared/paths.ts';
import { readConfig, underLaunchd } from './config.ts';
import { startDaemon } from './daemon.ts';
import { ExitError } from './exit.ts';
import { createLogger } from './logger.ts';
import { redact } from './redact.ts';

let logLevel = 'info';
let logFile: string | undefined;

/** Ends the process for a reason: in the log, on stderr for people, and by its exit code. */
function end(error: unknown): void {
  const known = error instanceof ExitError ? error : undefined;
  const exitCode = known?.exitCode ?? 69;
  const message = known?.message ?? `The daemon failed: ${String(error)}`;
  createLogger(logLevel, logFile).fatal({ exitCode, ...(!known && { err: error }) }, message);
  process.stderr.write(`holdfastd: ${redact(message)}\n`);
  process.exitCode = exitCode;
  leaveReason(exitCode, redact(message));
}

/** Leaves the reason to be read: a client that started the daemon, or a service manager, shows no stderr. */
function leaveReason(exitCode: number, message: string): void {
  try {
    const { state, lastError } = paths();
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writeFileSync(lastError, `${JSON.stringify({ exitCode, message, at: new Date().toISOString() })}\n`, {
      mode: 0o600,
    });
  } catch {
    // The state directory may be what is wrong.
  }
  // launchd would start it again for ever; a reason that a restart cannot mend ends quietly there.
  if (underLaunchd() && exitCode !== 69) process.exitCode = 0;
}

/** A core file would hold every secret that is in memory; where the system lets us, it holds no memory (core(5)). */
function keepOutOfCores(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // Not Linux, or not allowed.
  }
}

/** Resolves with the first signal that asks for an end; listened for before there is anything to stop. */
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
});

process.stderr.on('error', () => undefined);
// Node's own report would quote whatever the error holds.
process.on('uncaughtException', (error) => {
  end(error);
  process.exit();
});
// Node would listen for a debugger on a TCP port that any user of the machine may use.
process.on('SIGUSR1', () => undefined);
keepOutOfCores();
try {
  const config = readConfig();
  ({ logLevel, logFile } = config);
  const daemon = await startDaemon(config, createLogger(logLevel, logFile));
  void asked.then(() => daemon.stop());
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
