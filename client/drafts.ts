import type * as z from 'zod';
import type { contract } from '../shared/contract.ts';
import type { OutputOf } from '../shared/operation.ts';

type Append = Omit<z.input<typeof contract.sessions.append.input>, 'app'>;
type Appended = OutputOf<typeof contract.sessions.append>;

/** What of a client this needs. */
interface Target {
  drafts: { put(input: { id: string; app?: string; text: string; lease?: string }): Promise<unknown> };
  sessions: { append(input: Append & { app?: string }): Promise<Appended> };
}

export interface DraftWriterOptions {
  /** The session that the answer is for. */
  id: string;
  app?: string;
  /** Token of the session's lease, if there is one. */
  lease?: string;
  /** Milliseconds between two writes at least. */
  intervalMs?: number;
  /** Told what could not be kept; the stream of the answer goes on. */
  onError?: (error: unknown) => void;
}

export interface DraftWriter extends AsyncDisposable {
  /** The whole answer so far. Returns at once; the newest text is kept within the interval. */
  update(text: string): void;
  /** Resolves when the newest text is durable. */
  flush(): Promise<void>;
  /** Appends the messages that the draft has become, and drops it in the same transaction. */
  complete(append: Omit<Append, 'id' | 'lease' | 'clearDraft'>): Promise<Appended>;
}

/**
 * Keeps the answer so far while it streams: at most one write under way, and the newest text next. Disposing it keeps
 * the newest text, unless the answer was completed.
 */
export function draftWriter(client: Target, options: DraftWriterOptions): DraftWriter {
  const { intervalMs = 250, onError } = options;
  const target = {
    id: options.id,
    ...(options.app !== undefined && { app: options.app }),
    ...(options.lease !== undefined && { lease: options.lease }),
  };
  let newest: string | undefined;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let completed = false;

  const put = async (text: string) => {
    try {
      await client.drafts.put({ ...target, text });
    } catch (error) {
      newest ??= text;
      throw error;
    }
  };
  const stopTimer = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  /** One write at a time. The one under way may have begun before the newest text. */
  const flush = async () => {
    stopTimer();
    await writing?.catch(() => undefined);
    if (newest !== undefined && writing === undefined && !completed) {
      const text = newest;
      newest = undefined;
      writing = put(text).finally(() => (writing = undefined));
    }
    await writing;
  };
  const schedule = () => {
    timer ??= setTimeout(() => void flush().catch((error: unknown) => onError?.(error)), intervalMs);
  };
  return {
    update(text) {
      newest = text;
      if (!completed) schedule();
    },
    flush,
    async complete(append) {
      // A write that came after the append would bring the draft back.
      completed = true;
      stopTimer();
      await writing?.catch(() => undefined);
      try {
        return await client.sessions.append({ ...append, ...target, clearDraft: true });
      } catch (error) {
        completed = false;
        if (newest !== undefined) schedule();
        throw error;
      }
    },
    [Symbol.asyncDispose]: flush,
  };
}
