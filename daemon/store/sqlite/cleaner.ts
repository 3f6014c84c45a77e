import { sweep } from '../traits.ts';
import type { Writer } from './writer.ts';

/** How often what need not be kept is removed, in milliseconds. */
const everyMs = 3_600_000;
/** The daemon's own writes that remove a slice each and answer whether there is more. */
const operations = ['log.prune', ...Object.keys(sweep).map((kind) => `sweep.${kind}`)];

/**
 * Removes what need not be kept: a slice per write, so that other writers come in between. What a person deleted can be
 * taken back for 30 days, and a clock that is wrong for a while must not end them: time goes on from the last change that
 * the store knew at its start, as fast as a clock that nobody sets, and never beyond the wall clock.
 */
export class Cleaner {
  readonly #writer: Writer;
  readonly #timer: NodeJS.Timeout;
  #running = false;
  #again = false;
  /** Time of the last change before this start, less what the unset clock showed when it was read. */
  #base: number | undefined;
  failed = false;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#timer = setInterval(() => void this.run(), everyMs).unref();
    void this.run();
  }

  /** Never rejects; whoever asks while it runs is served by one more round. */
  async run(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      const done = [];
      for (const op of operations) done.push(await this.#all(op));
      this.failed = done.includes(false);
    }
    this.#running = false;
  }

  /** Whether it could: what keeps one operation from it must not keep the others. */
  async #all(op: string): Promise<boolean> {
    try {
      while (await this.#slice(op));
      return true;
    } catch {
      return false;
    }
  }

  async #slice(op: string): Promise<boolean> {
    const input = { at: await this.#now() };
    return ((await this.#writer.own(op, input, 'cleaner')) as { more: boolean }).more;
  }

  async #now(): Promise<number> {
    if (this.#base === undefined) {
      const { at } = (await this.#writer.own('log.newest', {}, 'cleaner')) as { at: number | null };
      this.#base = (at ?? Date.now()) - performance.now();
    }
    return Math.floor(Math.min(Date.now(), this.#base + performance.now()));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
