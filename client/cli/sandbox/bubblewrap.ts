import type { Tool } from './tool.ts';

const quoted = (path: string) => `'${path.replaceAll("'", String.raw`'\''`)}'`;

/** bubblewrap: it keeps no settings, so there is nothing to install. */
export const bubblewrap: Tool = {
  title: 'bubblewrap',
  // Read-only is enough to connect, and keeps the socket itself as it is.
  byHand: (socket) => `bwrap ... --ro-bind ${quoted(socket)} ${quoted(socket)}`,
  note:
    'Bind the socket, never its directory, in which the main one lies. A sandbox that was started before the daemon was ' +
    'started again holds the old socket: start it anew.',
};
