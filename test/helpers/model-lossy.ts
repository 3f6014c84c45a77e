import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Random } from './model-random.ts';

/** A socket before the daemon's that loses requests and answers: the connection ends before, in, or after one. */
export async function lossySocket(path: string, target: string, random: Random, share: number) {
  const counts = { requests: 0, answers: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    const cut = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    near.on('data', (chunk) => {
      if (!random.chance(share / 3)) return void far.write(chunk);
      counts.requests += 1;
      cut();
    });
    far.on('data', (chunk: Buffer) => {
      if (!random.chance(share)) return void near.write(chunk);
      counts.answers += 1;
      if (random.chance(0.5)) near.end(chunk.subarray(0, Math.floor(chunk.length / 2)));
      else cut();
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    /** How many of each were lost. */
    counts,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
