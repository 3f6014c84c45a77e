import { lstatSync } from 'node:fs';
import type { Paths } from '../shared/paths.ts';
import { prepareDirectories } from './directories.ts';
import { ExitError } from './exit.ts';
import type { Server } from './http/server.ts';
import type { Logger } from './logger.ts';
import type { Ownership } from './ownership.ts';
import { removeStale, writeDaemonFile } from './socket.ts';

/** How often the daemon looks at what somebody may have removed, in milliseconds: all that wakes it when nobody calls. */
const everyMs = 5_000;

export interface SelfCheck {
  /** Codes for health. */
  readonly reasons: string[];
  end(): void;
}

/**
 * Looks after the files that a running daemon needs and holds by no descriptor. A socket or pid file that is gone is made
 * again; data that is gone ends the daemon, for what it would acknowledge from then on would be nowhere. `owner.lock` cannot
 * be put back: the database's own lock still keeps a second owner out, and health says so.
 */
export function checkItself(
  paths: Paths,
  server: Server,
  ownership: Ownership,
  logger: Logger,
  stop: (reason: ExitError) => void,
): SelfCheck {
  const reasons: string[] = [];
  let socket = inodeOf(paths.socket);
  let busy = false;

  const look = async () => {
    for (const path of [paths.data, paths.database]) {
      if (inodeOf(path) === undefined)
        throw new ExitError(78, `${path} was removed while the daemon ran. Put it back, then start again.`);
    }
    reasons.splice(0, reasons.length, ...(ownership.stillOurs() ? [] : ['owner_lock_replaced']));
    if (inodeOf(paths.socket) === socket && inodeOf(paths.daemonFile) !== undefined) return;
    prepareDirectories(paths);
    if (inodeOf(paths.socket) !== socket) {
      // We own the data, so whatever lies there serves nobody.
      removeStale(paths);
      await server.listenAgain(paths.socket);
      socket = inodeOf(paths.socket);
      logger.warn({ socket: paths.socket }, 'the socket was removed: listening again');
    }
    writeDaemonFile(paths);
  };

  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      .catch((error: unknown) => {
        if (error instanceof ExitError && error.exitCode === 78) stop(error);
        else logger.error({ cause: String(error) }, 'the socket cannot be made again yet');
      })
      .finally(() => (busy = false));
  }, everyMs).unref();
  return { reasons, end: () => clearInterval(timer) };
}

const inodeOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.ino;
