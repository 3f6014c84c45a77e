import { stat } from 'node:fs/promises';
import type { AppSize, messages, sessions } from '../sizes.ts';
import type { StoreFigures } from '../store.ts';
import type { Reader } from './reader.ts';
import type { Reads } from './reads.ts';

/** How old the sizes of the applications may be, in milliseconds: each message is counted anew. */
const freshMs = 300_000;

/**
 * What is looked at for the metrics alone. Invariant: the sizes are read by the reader thread, once at a time and seldom, in
 * snapshots so small that neither other reads nor a checkpoint wait for them.
 */
export class Figures {
  readonly #path: string;
  readonly #reads: Reads;
  readonly #longReads: Reader;
  #apps: AppSize[] = [];
  #sizedAt: number | undefined;
  /** By the clock that nobody sets. */
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(path: string, reads: Reads, longReads: Reader) {
    this.#path = path;
    this.#reads = reads;
    this.#longReads = longReads;
  }

  /** Never rejects: what cannot be read is undefined. */
  async get(): Promise<StoreFigures> {
    if (performance.now() - this.#readAt > freshMs) {
      this.#reading ??= this.#size().finally(() => (this.#reading = undefined));
      await this.#reading;
    }
    const head = await this.#reads.snapshot((tx) => tx.query('SELECT max(position) FROM log')).catch(() => undefined);
    const { indexedTo } = this.#longReads;
    return {
      databaseBytes: (await stat(this.#path).catch(() => undefined))?.size,
      searchLag: head && indexedTo !== undefined ? Math.max(0, Number(head[0]?.[0] ?? 0) - indexedTo) : undefined,
      sizedAt: this.#sizedAt,
      apps: this.#apps,
    };
  }

  async #size(): Promise<void> {
    try {
      const apps = new Map<string, AppSize>();
      const of = (app: string) => {
        const known = apps.get(app) ?? { app, sessions: 0, messages: 0, bytes: 0 };
        apps.set(app, known);
        return known;
      };
      const counted = await this.#ask<Awaited<ReturnType<typeof sessions>>>('sessions', {});
      for (const { app, sessions: count } of counted) of(app).sessions = count;
      for (let after: number | null = 0; after !== null;) {
        const step: Awaited<ReturnType<typeof messages>> = await this.#ask('messages', { after });
        for (const { app, messages: count, bytes } of step.apps) {
          of(app).messages += count;
          of(app).bytes += bytes;
        }
        after = step.next;
      }
      this.#longReads.indexedTo ??= (await this.#ask<{ indexedTo: number }>('index', {})).indexedTo;
      this.#apps = [...apps.values()];
      this.#sizedAt = Date.now();
      this.#readAt = performance.now();
    } catch {
      // Nothing is better than old sizes that look new: health tells what is wrong with the store.
      this.#apps = [];
      this.#sizedAt = undefined;
    }
  }

  async #ask<T>(what: string, input: object): Promise<T> {
    return JSON.parse((await this.#longReads.answer({ op: `sizes.${what}`, app: '', input })).text) as T;
  }
}
