import type { FileEvent } from './trace.ts';

/** What survives of the changes that no fsync covers: none, each by chance, or each by chance and torn at a sector. */
export type Mode = 'drop' | 'subset' | 'torn';

type Content = Exclude<FileEvent, { kind: 'sync' | 'remove' | 'link' }>;
type Names = Map<string, Inode>;
const sector = 512;

/** A file without its names. */
class Inode {
  #durable: Buffer = Buffer.alloc(0);
  #pending: Content[] = [];

  apply(event: Content): void {
    this.#pending.push(event);
  }

  sync(): void {
    this.#durable = this.#pending.reduce(change, this.#durable);
    this.#pending = [];
  }

  afterPowerCut(mode: Mode, chance: () => number): Buffer {
    if (mode === 'drop') return this.#durable;
    const kept = this.#pending.filter(() => chance() < 0.5);
    return kept.map((event) => (mode === 'torn' ? torn(event, chance()) : event)).reduce(change, this.#durable);
  }
}

/**
 * A disk with a volatile cache, as far as SQLite may rely on one: content is durable once its file was fsynced, a new
 * name once its directory was. Creating and removing a file counts as durable at once.
 */
export class Disk {
  readonly #names: Names = new Map();
  readonly #durableNames: Names = new Map();
  /** New names of files that the directory does not hold durably yet. */
  readonly #links: Names = new Map();
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  apply(event: FileEvent): void {
    if (event.kind === 'link') {
      const inode = this.#file(event.path);
      this.#names.set(event.to, inode);
      this.#links.set(event.to, inode);
    } else if (event.kind === 'remove') {
      this.#names.delete(event.path);
      this.#durableNames.delete(event.path);
    } else if (event.kind !== 'sync') {
      this.#file(event.path).apply(event);
    } else if (event.path === this.#folder) {
      for (const [name, inode] of this.#links) this.#durableNames.set(name, inode);
      this.#links.clear();
    } else {
      this.#file(event.path).sync();
    }
  }

  /** The files that a power cut at this moment leaves; `chance` answers numbers from 0 to 1. */
  afterPowerCut(mode: Mode, chance: () => number): Map<string, Buffer> {
    const names = new Map(this.#durableNames);
    for (const [name, inode] of this.#links) if (mode !== 'drop' && chance() < 0.5) names.set(name, inode);
    return new Map([...names].map(([path, inode]) => [path, inode.afterPowerCut(mode, chance)]));
  }

  #file(path: string): Inode {
    let inode = this.#names.get(path);
    if (!inode) {
      inode = new Inode();
      this.#names.set(path, inode);
      this.#durableNames.set(path, inode);
    }
    return inode;
  }
}

function torn(event: Content, part: number): Content {
  if (event.kind !== 'write' || event.bytes.length <= sector) return event;
  return { ...event, bytes: event.bytes.subarray(0, sector * Math.floor((part * event.bytes.length) / sector)) };
}

/** Buffers are shared between disk images, so a change makes a new one. */
function change(before: Buffer, event: Content): Buffer {
  const end = event.kind === 'write' ? event.offset + event.bytes.length : event.length;
  const after = Buffer.alloc(event.kind === 'write' ? Math.max(before.length, end) : end);
  before.copy(after);
  if (event.kind === 'write') event.bytes.copy(after, event.offset);
  return after;
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
