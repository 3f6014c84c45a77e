/**
 * What an operation answers that has to wait: until a record of this kind changes in its application, or so many
 * milliseconds have passed. Its work is rolled back, the writer goes on, and the call is made again then.
 */
export class Wait {
  readonly topic: string;
  readonly ms: number;

  constructor(app: string, kind: string, ms: number) {
    this.topic = topicOf(app, kind);
    this.ms = ms;
  }
}

export const topicOf = (app: string, kind: string): string => `${app}/${kind}`;

/** A timer that is so late was that of a process that did not run; and how long it then looks who is still there. */
const suspendedMs = 500;
const lookMs = 100;

interface Parked {
  topic: string;
  resume: () => void;
}

/**
 * Calls that wait, in the main thread. Invariant: a change that was committed after a call decided to wait resumes it,
 * because calls are parked before the topics of the same or a later commit are touched.
 */
export class Parking {
  readonly #parked = new Set<Parked>();

  /** Calls `resume` once: when the topic is touched or the time is up; `abandon` instead when `signal` is aborted. */
  park(
    { topic, ms }: Wait,
    signal: AbortSignal | undefined,
    resume: () => void,
    abandon: (reason: unknown) => void,
  ): void {
    const leave = (then: () => void) => () => {
      if (!this.#parked.delete(entry)) return;
      clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
      then();
    };
    const entry: Parked = { topic, resume: leave(resume) };
    const gone = leave(() => abandon(signal?.reason));
    const due = performance.now() + ms;
    let timer = setTimeout(() => {
      // A process that was suspended has not seen yet who hung up meanwhile.
      if (performance.now() - due < suspendedMs) entry.resume();
      else timer = setTimeout(entry.resume, lookMs);
    }, ms);
    this.#parked.add(entry);
    signal?.addEventListener('abort', gone);
    if (signal?.aborted) gone();
  }

  touch(topics: readonly string[]): void {
    if (this.#parked.size === 0) return;
    const touched = new Set(topics);
    for (const { topic, resume } of this.#parked) if (touched.has(topic)) resume();
  }

  /** Resumes all: whoever resumes finds out that the store is closing. */
  wake(): void {
    for (const { resume } of this.#parked) resume();
  }
}
