import type * as z from 'zod';
import type { contract } from '../shared/contract.ts';
import { HoldfastError } from '../shared/errors.ts';
import type { OutputOf } from '../shared/operation.ts';
import { uuidv7 } from '../shared/uuid.ts';

type Append = Omit<z.input<typeof contract.sessions.append.input>, 'app'>;
type Appended = OutputOf<typeof contract.sessions.append>;

/** What of a client this needs. */
interface Target {
  drafts: { put(input: { id: string; app?: string; text: string; lease?: string }): Promise<unknown> };
  sessions: { append(input: Append & { app?: string }, call: { key: string }): Promise<Appended> };
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
  /**
   * Appends the messages that the draft has become, and drops it in the same transaction. It may be called again with
   * the same after any failure, and appends once; `key_reused` when others are stored by then. While it is not known
   * whether they are, the draft stays as it was last written.
   */
  complete(append: Omit<Append, 'id' | 'lease' | 'clearDraft'>): Promise<Appended>;
}

/** Whether nothing was stored, for certain, and nothing will be. */
const isRefused = (error: unknown): boolean =>
  error instanceof HoldfastError && !error.retryable && error.code !== 'key_reused';

/**
 * Keeps the answer so far while it streams: at most one write under way, and the newest text next. Disposing it keeps
 * the newest text, unless the answer was completed or may be.
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
  /** Also when the answer did not come: a draft written beside messages that are stored would stay for ever. */
  let completed = false;
  const key = uuidv7();

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
        return await client.sessions.append({ ...append, ...target, clearDraft: true }, { key });
      } catch (error) {
        completed = !isRefused(error);
        if (!completed && newest !== undefined) schedule();
        throw error;
      }
    },
    [Symbol.asyncDispose]: flush,
  };
}
