import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A socket before the daemon's that passes on so many bytes and no more: whoever sends others is in the middle for as long as a test wants. */
export async function stuckSocket(path: string, target: string, bytes: number) {
  let passed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => [near, far].map((one) => one.destroy()));
    }
    near.on('data', (chunk) => {
      passed += chunk.length;
      if (passed < bytes) far.write(chunk);
    });
    far.pipe(near);
  }).listen(path);
  await once(server, 'listening');
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
