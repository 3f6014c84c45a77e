/**
 * A signal that is aborted at a time of the wall clock. Timers stand still while a computer sleeps, so the clock is
 * looked at about once a second, and at once. Disposing it ends the timer.
 */
export function signalAt(time: number, reason: () => unknown): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const left = time - Date.now();
    if (left <= 0) controller.abort(reason());
    else timer = setTimeout(look, Math.min(left, 1000));
  };
  look();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** What the promise comes to, or the reason of the signal if that is aborted first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/**
 * A signal that is aborted after so many milliseconds, as AbortSignal.timeout is, unless it was disposed of. The time of a
 * process that was suspended is up when it goes on, and what it waited for may be there: that is read first.
 */
export function signalAfter(ms: number): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const end = () => controller.abort(new DOMException('The time is up.', 'TimeoutError'));
  const timer = setTimeout(() => setImmediate(end), ms).unref();
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}
