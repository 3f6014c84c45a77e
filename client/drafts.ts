/** What of a client this needs. */
interface Drafts {
  drafts: { put(input: { id: string; app?: string; text: string; lease?: string }): Promise<unknown> };
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
}

/**
 * Keeps the answer so far while it streams: at most one write under way, and the newest text next. Disposing flushes;
 * the append that completes the answer drops the draft with `clearDraft`.
 */
export function draftWriter(client: Drafts, options: DraftWriterOptions): DraftWriter {
  const { id, app, lease, intervalMs = 250, onError } = options;
  let newest: string | undefined;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const write = async () => {
    while (newest !== undefined) {
      const text = newest;
      newest = undefined;
      try {
        await client.drafts.put({ id, text, ...(app !== undefined && { app }), ...(lease !== undefined && { lease }) });
      } catch (error) {
        newest ??= text;
        throw error;
      }
    }
  };
  /** One write at a time; who calls while one is under way waits for the newest text too. */
  const start = () => {
    clearTimeout(timer);
    timer = undefined;
    writing ??= write().finally(() => (writing = undefined));
    return writing;
  };
  const flush = async () => {
    await start();
  };
  return {
    update(text) {
      newest = text;
      timer ??= setTimeout(() => void start().catch((error: unknown) => onError?.(error)), intervalMs);
    },
    flush,
    [Symbol.asyncDispose]: flush,
  };
}
