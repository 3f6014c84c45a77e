import { connect } from 'node:net';

export interface Talk {
  statuses: number[];
  text: string;
}

/** Writes bytes as they are, and answers the statuses of all answers until the daemon closes. `leave` ends our side first. */
export function talk(socketPath: string, parts: (string | Uint8Array)[], { leave = false } = {}): Promise<Talk> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(socketPath);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A daemon that refuses may close before it has read everything.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString();
      resolve({ statuses: Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status)), text });
    });
    for (const part of parts) socket.write(part);
    if (leave) socket.end();
  });
}
