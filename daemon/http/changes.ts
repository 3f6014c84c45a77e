import { HoldfastError } from '../../shared/errors.ts';
import type { InputOf } from '../../shared/operation.ts';
import type { stream } from '../../shared/resources/changes.ts';
import type { Change, ChangeSlice } from '../store/changes.ts';
import type { Store, StoreCall } from '../store/store.ts';

/** Milliseconds after which a reader without news is told how far the log has come. */
const heartbeatMs = 15_000;
/** Milliseconds after which a reader that was cut off may come again. */
const retryMs = 250;
const maxReaders = 1000;
/** Slices that are remembered until the next commit: readers that are at the same place share one. */
const maxKnown = 32;

/** The daemon's own operations on its log. */
export interface ChangeOperations {
  stream(call: StoreCall): AsyncGenerator<Uint8Array, void>;
  /** How many readers follow. */
  readers: () => number;
}

/**
 * The change stream. Invariant: a reader learns of a commit before or while it reads the slice that holds it, because it
 * listens before it reads; so what is stored and what comes live are one sequence, without gap or repeat. Each reader reads
 * the log itself, at its own pace: nothing is kept for one that is slow.
 */
export function changeOperations(store: Store): ChangeOperations {
  const known = new Map<string | undefined, Promise<ChangeSlice>>();
  store.onCommit(() => known.clear());
  const sliceAfter = (after: string | undefined): Promise<ChangeSlice> => {
    const found = known.get(after);
    if (found) return found;
    if (known.size >= maxKnown) known.clear();
    const slice = store.own('read', 'changes.slice', { after }) as Promise<ChangeSlice>;
    known.set(after, slice);
    // A read that failed is made again by the next reader.
    slice.catch(() => known.delete(after));
    return slice;
  };
  let readers = 0;
  async function* follow({ input, signal }: StoreCall): AsyncGenerator<Uint8Array, void> {
    const wanted = input as InputOf<typeof stream>;
    if (readers >= maxReaders) throw new HoldfastError('busy', `${readers} readers follow the changes already.`);
    readers += 1;
    const news = newsOf(store, signal);
    try {
      const encoder = new TextEncoder();
      const { changes, next } = await sliceAfter(wanted.after);
      // The place before the events: one that is cut off between the two has seen none of them.
      yield encoder.encode(`retry: ${retryMs}\n${idLine(wanted.after ?? next)}\n${eventsOf(changes, wanted)}`);
      // Changes that it does not want do not put off the word that there is nothing new for it.
      for (let [place, due] = [next, performance.now() + heartbeatMs]; ;) {
        news.begin();
        const slice = await sliceAfter(place);
        const events = eventsOf(slice.changes, wanted);
        if (!events && slice.next === place) await news.arrive(due - performance.now());
        place = slice.next;
        if (events || performance.now() >= due) {
          yield encoder.encode(events || `: nothing new\n${idLine(place)}\n`);
          due = performance.now() + heartbeatMs;
        }
        signal?.throwIfAborted();
      }
    } finally {
      news.end();
      readers -= 1;
    }
  }
  return { stream: follow, readers: () => readers };
}

/** Commits as one reader hears of them. */
function newsOf(store: Store, signal: AbortSignal | undefined) {
  let heard = false;
  let wake: (() => void) | undefined;
  const hear = () => {
    heard = true;
    wake?.();
  };
  const off = store.onCommit(hear);
  signal?.addEventListener('abort', hear);
  return {
    begin: () => void (heard = false),
    /** Resolves at the first commit since `begin`, when the reader is gone, or after so many milliseconds. */
    arrive: async (ms: number): Promise<void> => {
      if (heard || signal?.aborted) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      wake = undefined;
    },
    end: () => {
      off();
      signal?.removeEventListener('abort', hear);
    },
  };
}

/** Moves the place from which a reader goes on, without an event. */
const idLine = (position: string) => `id: ${position}\n`;

function eventsOf(changes: Change[], { app, kind, id }: InputOf<typeof stream>): string {
  const wanted = (change: Change) =>
    (!app || app.includes(change.app)) &&
    (!kind || kind.includes(change.kind)) &&
    (!id || id.includes(change.id) || (change.session !== null && id.includes(change.session)));
  return changes
    .filter(wanted)
    .map((change) => `${idLine(change.position)}event: change\ndata: ${JSON.stringify(change)}\n\n`)
    .join('');
}
