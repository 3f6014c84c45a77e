import { lstatSync } from 'node:fs';
import type { Paths } from '../shared/paths.ts';
import { prepareDirectories } from './directories.ts';
import { ExitError } from './exit.ts';
import type { Server } from './http/server.ts';
import type { Logger } from './logger.ts';
import type { Counters } from './metrics/counters.ts';
import type { Ownership } from './ownership.ts';
import { removeSocket, socketNames, writeDaemonFile, type SocketName } from './socket.ts';

/** How often the daemon looks at what somebody may have removed, in milliseconds: all that wakes it when nobody calls. */
const everyMs = 5_000;

export interface Checked {
  paths: Paths;
  server: Server;
  ownership: Ownership;
  logger: Logger;
  counters: Counters;
  /** Asked at each look, so that what is wrong is logged though nobody asks. */
  health: () => Promise<unknown>;
  stop: (reason: ExitError) => void;
}

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
export function checkItself({ paths, server, ownership, logger, counters, health, stop }: Checked): SelfCheck {
  let isOurs = true;
  let isNoted = true;
  const database = inodeOf(paths.database);
  const sockets = new Map(socketNames.map((name) => [name, inodeOf(paths[name])]));
  const isGone = (name: SocketName) => inodeOf(paths[name]) !== sockets.get(name);
  let busy = false;
  /** A disk may hang for ever. */
  let asking = false;

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
    if (!socketNames.some(isGone) && inodeOf(paths.daemonFile) !== undefined && isNoted) return;
    prepareDirectories(paths);
    for (const name of socketNames.filter(isGone)) {
      // We own the data, so whatever lies there serves nobody.
      removeSocket(paths[name]);
      await server.listenAgain(paths, name);
      sockets.set(name, inodeOf(paths[name]));
      counters.recovered('socket_remade');
      logger.warn({ socket: paths[name] }, 'the socket was removed: listening again');
    }
    const wasThere = inodeOf(paths.daemonFile) !== undefined;
    note();
    if (!wasThere && isNoted) counters.recovered('record_remade');
  };

  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    look()
      .catch((error: unknown) => {
        if (error instanceof ExitError && error.exitCode === 78) stop(error);
        else logger.error({ cause: String(error) }, 'what is ours cannot be looked after now: it is tried again');
      })
      .finally(() => (busy = false));
    if (asking) return;
    asking = true;
    health()
      .catch(() => undefined)
      .finally(() => (asking = false));
  }, everyMs).unref();
  return {
    reasons: () => [...(isOurs ? [] : ['owner_lock_replaced']), ...(isNoted ? [] : ['record_unwritable'])],
    end: () => clearInterval(timer),
  };
}

const inodeOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.ino;
