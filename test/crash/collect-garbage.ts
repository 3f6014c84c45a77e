import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into every thread of a daemon by a test: what nothing refers to is collected all the time, so that a handle that is
// used without being kept is closed while it is in use.

setFlagsFromString('--expose-gc');
export const collect = runInNewContext('gc') as () => void;
setInterval(collect, 100).unref();
