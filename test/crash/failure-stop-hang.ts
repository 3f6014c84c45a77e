import { isMainThread } from 'node:worker_threads';

// Loaded into a daemon by a test: its writer thread hangs, as on a disk that does not answer, when it reads the input of a call of
// the application `hang`. The timers of the main thread run faster, so that nobody waits for the end of a long one.

if (isMainThread) {
  const times = Number(process.env['HOLDFAST_TEST_FASTER']);
  const plain = globalThis.setTimeout;
  globalThis.setTimeout = ((run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    plain(run, ms / times, ...args)) as typeof setTimeout;
} else {
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    if (text.includes('"app":"hang"')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    return parse(text, reviver) as unknown;
  };
}
