const show = (text: string) => void (process.stderr.isTTY && process.stderr.write(`\r\u001b[K${text}`));

/** How far long work is, on stderr if that is a terminal: `500 of 5000 feeds`. It is gone when the work is over. */
export function progress(all: number, what: string): Disposable & { at: (done: number) => void } {
  return { at: (done) => show(`${Math.min(done, all)} of ${all} ${what}`), [Symbol.dispose]: () => show('') };
}
