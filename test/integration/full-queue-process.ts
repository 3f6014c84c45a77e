import { FakeDaemon, good } from '../helpers/fake-daemon.ts';

// Listens with the shortest queue on the socket named by its argument, until it is sent a message.
const [, , socket = ''] = process.argv;
const fake = await FakeDaemon.listen(
  socket,
  (response) => good(response, { results: [{ status: 201, output: { name: 'x' } }] }),
  1,
);
process.send?.('listening');
process.once('message', () => {
  process.disconnect?.();
  void fake[Symbol.asyncDispose]();
});
