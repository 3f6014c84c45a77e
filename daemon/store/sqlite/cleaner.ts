import type { Writer } from './writer.ts';

/** How often what need not be kept is removed, in milliseconds. */
const everyMs = 3_600_000;
/** The daemon's own writes that remove a slice each and answer whether there is more. */
const operations = ['log.prune', 'branches.sweep', 'secrets.sweep'];

/** Removes what need not be kept: a slice per write, so that other writers come in between. */
export class Cleaner {
  readonly #writer: Writer;
  readonly #timer: NodeJS.Timeout;
  #running = false;
  #again = false;
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
      try {
        for (const op of operations) while (await this.#slice(op));
        this.failed = false;
      } catch {
        this.failed = true;
      }
    }
    this.#running = false;
  }

  async #slice(op: string): Promise<boolean> {
    return ((await this.#writer.own(op, {}, 'cleaner')) as { more: boolean }).more;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
