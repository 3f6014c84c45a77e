import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Connections at once, and requests under way at once: the rest is for whoever asks for health. */
const maxConnections = 4096;
export const maxActive = 4000;

/**
 * Bounds the connections of a server. Invariant: a new connection is served, for its place is that of the one whose caller
 * has been silent for longest. A connection is silent from its start, or from the end of its last answer, until a request
 * has arrived; requests under way are fewer than connections (`maxActive`), so there is always a silent one.
 */
export function boundConnections(server: Server): void {
  const all = new Set<Socket>();
  /** The one that has been silent for longest is first. */
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    all.add(socket);
    silent.add(socket);
    socket.once('close', () => {
      all.delete(socket);
      silent.delete(socket);
    });
    if (all.size <= maxConnections) return;
    for (const longest of silent) return void longest.destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    silent.delete(socket);
    response.once('close', () => {
      if (all.has(socket)) silent.add(socket);
    });
  });
}
