import { readFile, writeFile } from 'node:fs/promises';
import type { FeedConfig } from './inkwell-config.ts';

/** The feeds in a file, as the reviewed application kept them: read, changed, and written in place, without a lock. */
export function configFile(path: string) {
  const listFeeds = async () => {
    const text = await readFile(path, 'utf8').catch(() => '{}');
    return new Map(Object.entries(JSON.parse(text) as Record<string, FeedConfig>));
  };
  return {
    listFeeds,
    async addFeed(name: string, feed: FeedConfig): Promise<void> {
      const feeds = await listFeeds();
      feeds.set(name, feed);
      await writeFile(path, JSON.stringify(Object.fromEntries(feeds)));
    },
  };
}
