import { lstatSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { protocol, version } from '../shared/protocol.ts';
import type { Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';

// Both only while owning the data directory: whatever lies there was left by an owner that is gone. No ping: a
// daemon that is slow to answer would be taken for a dead one.

/** Removes what an owner that was killed left behind. */
export function removeStale(paths: Paths): void {
  const found = lstatSync(paths.socket, { throwIfNoEntry: false });
  if (found && !found.isSocket()) {
    throw new ExitError(78, `${paths.socket} is not a socket. Move it away, then start again.`);
  }
  if (found) unlinkSync(paths.socket);
  rmSync(paths.daemonFile, { force: true });
}

/** Says for people and for clients' messages who serves; nothing decides by it. */
export function writeDaemonFile(paths: Paths): void {
  const about = {
    pid: process.pid,
    version,
    protocol,
    startedAt: new Date().toISOString(),
    socket: paths.socket,
    node: process.execPath,
  };
  write(paths.daemonFile, about);
  // What a client starts the next one with.
  write(paths.lastStart, { node: process.execPath, version });
  rmSync(paths.lastError, { force: true });
}

function write(path: string, content: object): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Removes the socket and the daemon file while still owning: afterwards the paths may be the next owner's. */
export function removeOwn(paths: Paths): void {
  rmSync(paths.socket, { force: true });
  rmSync(paths.daemonFile, { force: true });
  // Stopped in order: the starts before were no failures.
  rmSync(paths.starts, { force: true });
}
