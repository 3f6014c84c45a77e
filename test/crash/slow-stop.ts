import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

// Loaded into a daemon by a test: it lingers for a second before it closes, so that callers on a busy machine have their turn.

if (isMainThread) {
  const plain = timers.setTimeout;
  timers.setTimeout = (ms, ...rest) => plain(ms === 50 ? 1000 : ms, ...rest);
  syncBuiltinESMExports();
}
