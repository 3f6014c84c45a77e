import { isMainThread, threadName } from 'node:worker_threads';

// Loaded into a daemon by a test: its reader thread dies, as it would of a bug or of a lack of memory. Answering with
// a session whose id is `die` is the sign.

if (!isMainThread && threadName === 'reader') {
  const stringify = JSON.stringify;
  JSON.stringify = ((...args: Parameters<typeof stringify>) => {
    const text = stringify(...args);
    if (typeof text === 'string' && text.includes('"id":"die"')) {
      queueMicrotask(() => {
        throw new Error('the reader thread was told to die');
      });
    }
    return text;
  }) as typeof stringify;
}
