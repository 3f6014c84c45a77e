import type { FileEvent } from './trace.ts';

/** What survives of the writes that no fsync covers: none, each by chance, or each by chance and torn at a sector. */
export type Mode = 'drop' | 'subset' | 'torn';

type Files = Map<string, Buffer>;
const sector = 512;

/**
 * A disk with a volatile cache, as far as SQLite may rely on one: a write is durable once its file was fsynced.
 * Creating and removing a file counts as durable at once: an fsync of a directory is not modelled.
 */
export class Disk {
  readonly #durable: Files = new Map();
  #pending: FileEvent[] = [];

  apply(event: FileEvent): void {
    if (event.kind === 'sync') {
      for (const earlier of this.#pending) if (earlier.path === event.path) change(this.#durable, earlier);
    } else if (event.kind === 'remove') {
      this.#durable.delete(event.path);
    } else {
      this.#pending.push(event);
      return;
    }
    this.#pending = this.#pending.filter(({ path }) => path !== event.path);
  }

  /** The files that a power cut at this moment leaves; `chance` answers numbers from 0 to 1. */
  afterPowerCut(mode: Mode, chance: () => number): Files {
    const files: Files = new Map(this.#durable);
    if (mode === 'drop') return files;
    for (const event of this.#pending) {
      if (chance() < 0.5) continue;
      const torn = mode === 'torn' && event.kind === 'write' && event.bytes.length > sector;
      change(files, torn ? { ...event, bytes: firstSectors(event.bytes, chance()) } : event);
    }
    return files;
  }
}

const firstSectors = (bytes: Buffer, part: number) =>
  bytes.subarray(0, sector * Math.floor((part * bytes.length) / sector));

/** Buffers are shared between disk images, so a change makes a new one. */
function change(files: Files, event: FileEvent): void {
  const before = files.get(event.path) ?? Buffer.alloc(0);
  if (event.kind === 'truncate') {
    const after = Buffer.alloc(event.length);
    before.copy(after);
    files.set(event.path, after);
  } else if (event.kind === 'write') {
    const after = Buffer.alloc(Math.max(before.length, event.offset + event.bytes.length));
    before.copy(after);
    event.bytes.copy(after, event.offset);
    files.set(event.path, after);
  }
}

/** A repeatable source of chance (mulberry32): a failure can be looked at again. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
