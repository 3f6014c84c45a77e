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
  reasons(): string[];
  end(): void;
}

/**
 * Looks after the files that a running daemon needs and holds by no descriptor. A socket or pid file that is gone is made
 * again; data that is gone, or another's by now, ends the daemon: what it would acknowledge from then on would be nowhere.
 * `owner.lock` cannot be put back: the database's own lock still keeps a second owner out, and health says so.
 */
export function checkItself(
  paths: Paths,
  server: Server,
  ownership: Ownership,
  logger: Logger,
  stop: (reason: ExitError) => void,
): SelfCheck {
  let isOurs = true;
  let isNoted = true;
  const database = inodeOf(paths.database);
  let socket = inodeOf(paths.socket);
  let busy = false;

  const note = () => {
    try {
      writeDaemonFile(paths);
      isNoted = true;
    } catch (error) {
      // Once: it is tried again at every look.
      if (isNoted)
        logger.warn({ cause: String(error) }, 'it cannot be noted who serves; whoever asks the socket is told');
      isNoted = false;
    }
  };
  note();

  const look = async () => {
    if (inodeOf(paths.database) !== database) {
      const path = inodeOf(paths.data) === undefined ? paths.data : paths.database;
      throw new ExitError(78, `${path} was removed or replaced while the daemon ran. Put it back, then start again.`);
    }
    isOurs = ownership.stillOurs();
    if (inodeOf(paths.socket) === socket && inodeOf(paths.daemonFile) !== undefined && isNoted) return;
    prepareDirectories(paths);
    if (inodeOf(paths.socket) !== socket) {
      // We own the data, so whatever lies there serves nobody.
      removeStale(paths);
      await server.listenAgain(paths.socket);
      socket = inodeOf(paths.socket);
      logger.warn({ socket: paths.socket }, 'the socket was removed: listening again');
    }
    note();
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
  return {
    reasons: () => [...(isOurs ? [] : ['owner_lock_replaced']), ...(isNoted ? [] : ['record_unwritable'])],
    end: () => clearInterval(timer),
  };
}

const inodeOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.ino;
