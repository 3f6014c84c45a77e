import { isMainThread, threadId } from 'node:worker_threads';

// Loaded into a daemon by a test: its writer thread dies in the middle of a transaction, as it would of a bug or of a
// lack of memory. Reading the input of a call of the application `die` is the sign.

if (!isMainThread) {
  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    if (text.includes('"app":"die"')) {
      queueMicrotask(() => {
        throw new Error(`thread ${threadId} was told to die`);
      });
    }
    return parse(text, reviver) as unknown;
  };
}
