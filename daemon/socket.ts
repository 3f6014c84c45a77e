import { lstatSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { protocol, version } from '../shared/protocol.ts';
import type { Paths } from '../shared/paths.ts';
import { ExitError } from './exit.ts';

// Both only while owning the data directory: whatever lies there was left by an owner that is gone. No ping: a
// daemon that is slow to answer would be taken for a dead one.

/** The sockets that a daemon listens on: the main one, and the restricted one. */
export const socketNames = ['socket', 'agentSocket'] as const;
export type SocketName = (typeof socketNames)[number];

/** What a socket is bound to before it is put into its place: Node removes that name at the end, whosever it is by then. */
const boundAs = (socket: string) => socket.replace(/sock$/, 'new');

/** How a server listens, for `bind`. */
export const listenOn = (server: Server, backlog: number) => (path: string) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog }, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Listens on a socket by `listen`. */
export async function bind(socket: string, listen: (path: string) => Promise<unknown>): Promise<void> {
  await listen(boundAs(socket)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    const advice = 'Set HOLDFAST_HOME to a directory on a local disk.';
    throw new ExitError(78, `${dirname(socket)} lies on a file system that has no sockets. ${advice}`, {
      cause: error,
    });
  });
  renameSync(boundAs(socket), socket);
}

/** Removes what an owner that was killed left behind. */
export function removeStale(paths: Paths): void {
  for (const name of socketNames) removeSocket(paths[name]);
  forget(paths.daemonFile);
}

/** Removes a socket that nobody listens on; throws when something else is in its place. */
export function removeSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) throw new ExitError(78, `${path} is not a socket. Move it away, then start again.`);
  if (found) unlinkSync(path);
  rmSync(boundAs(path), { force: true });
}

/** Says for people and for clients' messages who serves; nothing decides by it. Throws when it cannot be written. */
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
  forget(paths.lastError);
}

function write(path: string, content: object): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** Removes the sockets while still owning: afterwards the paths may be the next owner's. */
export function removeSockets(paths: Paths): void {
  for (const name of socketNames) rmSync(paths[name], { force: true });
}

/** Removes what says who serves, as the last step of a stop in order: see last-stop.ts. While still owning, too. */
export function removeNotes(paths: Paths): void {
  forget(paths.daemonFile);
  // Stopped in order: the starts before were no failures.
  forget(paths.starts);
}

/** Removes a hint; one that cannot be removed misleads nobody for long, and is no reason to end. */
function forget(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A directory, perhaps.
  }
}
