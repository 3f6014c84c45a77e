import { paths } from '../../shared/paths.ts';
import { tryStartLock } from '../../client/start-lock.ts';

// Holds the lock of whoever starts the daemon until it is killed, or told to give it back and to end.

const release = tryStartLock(paths().state);
if (!release) throw new Error('the lock is held');
process.send?.('held');
const held = setInterval(() => undefined, 1_000);
process.once('SIGTERM', () => {
  release();
  clearInterval(held);
});
