import { paths } from '../../shared/paths.ts';
import { tryStartLock } from '../../client/start-lock.ts';

// Holds the lock of whoever starts the daemon until it is killed.

if (!tryStartLock(paths().state)) throw new Error('the lock is held');
process.send?.('held');
setInterval(() => undefined, 1_000);
