import type { Feed } from '../../../shared/resources/feeds.ts';
import type { Client } from '../../index.ts';
import { pages, tell } from '../screen.ts';
import { safe } from '../text.ts';

/** All feeds of an application; of one that is damaged, only its name is known, and told. */
export async function storedFeeds(client: Client, app: string): Promise<{ feeds: Feed[]; damaged: string[] }> {
  const { items } = await pages(Infinity, (page) => client.feeds.list({ app, ...page }));
  const damaged = items.filter((item) => 'damaged' in item);
  for (const { id, damaged: why } of damaged) tell(`holdfast: ${safe(id)} is damaged: ${safe(why.reason)}`);
  return { feeds: items.filter((item): item is Feed => !('damaged' in item)), damaged: damaged.map(({ id }) => id) };
}
