import { connect } from 'node:net';

/** Whether somebody accepts connections there; one whose queue is full does. */
export function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    const answer = (up: boolean) => {
      probe.destroy();
      resolve(up);
    };
    probe.once('connect', () => answer(true));
    probe.once('error', ({ code }: NodeJS.ErrnoException) => answer(code === 'EAGAIN'));
  });
}
