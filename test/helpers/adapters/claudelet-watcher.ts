import type { Client } from '../../../client/index.ts';

export interface FileEvent {
  event: 'add' | 'change' | 'unlink';
  path: string;
  /** Grows with every change of a path. */
  sequence: number;
  /** Of the content. */
  hash?: string;
}

/** What Claudelet's file watcher hands over to its index. Invariant: of each path the newest change is indexed last. */
export function fileWatcher(client: Client) {
  return {
    async handleFileChange({ event, path, sequence, hash }: FileEvent): Promise<void> {
      await client.files.push({ changes: [{ event, path, sequence, hash }] });
    },
    /** Indexes the path that waits longest; false when none waits. */
    async indexNext(index: (change: FileEvent) => Promise<void>): Promise<boolean> {
      const { items } = await client.files.claim();
      const [item] = items;
      if (item === undefined) return false;
      const { path, sequence, claim, hash, event } = item;
      // What is gone from its old path is an unlink of that, and this is what is at the new one.
      await index({ event: event === 'rename' ? 'add' : event, path, sequence, ...(hash !== null && { hash }) });
      await client.files.ack({ path, claim, sequence });
      return true;
    },
  };
}
