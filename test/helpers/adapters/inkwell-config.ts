import { HoldfastError, type Client } from '../../../client/index.ts';
import type { Json } from '../../../shared/json.ts';
import { itemsOf, walk } from '../pages.ts';

export type FeedAuth =
  { type: 'none' } | { type: 'basic'; username: string; password: string } | { type: 'bearer'; token: string };

export interface FeedConfig {
  url: string;
  auth: FeedAuth;
  category?: string;
  custom_templates: string[];
  display_name?: string;
}

/** A feed of a list, whose secrets stay where they are. */
export type ListedFeed = Omit<FeedConfig, 'auth'> & { auth: { type: FeedAuth['type'] } };

function sent(auth: FeedAuth) {
  if (auth.type === 'basic') return { kind: auth.type, username: auth.username, password: auth.password };
  return auth.type === 'bearer' ? { kind: auth.type, token: auth.token } : { kind: auth.type };
}

/** Inkwell's config manager: one document of settings, and the feeds beside it. Each call changes what it names, no more. */
export function configManager(client: Client) {
  const name = 'config';
  const set = (path: string[], value: Json) => {
    const pointer = path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    return client.config.set({ name, path: pointer, value });
  };
  return {
    /** The settings; empty before the first one is set. */
    async loadConfig(): Promise<unknown> {
      try {
        return (await client.config.get({ name })).value;
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'not_found') return {};
        throw error;
      }
    },
    /** Sets one value, as `interview.max_depth`. */
    setConfig: (path: string, value: Json) => set(path.split('.'), value),
    enablePlugin: (plugin: string) => set(['plugins', plugin, 'enabled'], true),
    disablePlugin: (plugin: string) => set(['plugins', plugin, 'enabled'], false),

    /** Refused as `exists` when there is one of this name. */
    async addFeed(
      feedName: string,
      { url, auth, category, custom_templates, display_name }: FeedConfig,
    ): Promise<void> {
      await client.feeds.put({
        name: feedName,
        url,
        auth: sent(auth),
        category,
        displayName: display_name,
        metadata: { custom_templates },
        ifAbsent: true,
      });
    },
    removeFeed: (feedName: string) => client.feeds.delete({ name: feedName }),
    renameFeed: (feedName: string, to: string) => client.feeds.rename({ name: feedName, to }),
    /** The secrets of a feed, for the request that fetches it. */
    async feedAuth(feedName: string): Promise<FeedAuth> {
      const { kind: type, ...secrets } = await client.feeds.credentials({ name: feedName });
      return { type, ...secrets } as FeedAuth;
    },
    /** All feeds by name. */
    async listFeeds(): Promise<Map<string, ListedFeed>> {
      const feeds = itemsOf(await walk((cursor) => client.feeds.list({ limit: 1000, ...cursor })));
      return new Map(
        feeds.map(({ name: feedName, url, auth, category, displayName, metadata }) => [
          feedName,
          {
            url,
            auth: { type: auth.kind },
            custom_templates: metadata['custom_templates'] as string[],
            ...(category !== null && { category }),
            ...(displayName !== null && { display_name: displayName }),
          },
        ]),
      );
    },
  };
}
