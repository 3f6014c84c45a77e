import type * as feeds from '../../../../shared/resources/feeds.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../../tx.ts';
import { credentialsOf } from './credentials.ts';

export interface FeedRow {
  app: string;
  name: string;
  url: string;
  category: string | null;
  display_name: string | null;
  tags: string;
  metadata: string;
  created_at: number;
  updated_at: number;
  position: number;
  /** Names the feed for its secrets, over renames: the position of the change that made it. */
  record: number;
  auth: feeds.Feed['auth']['kind'];
}
export const feed = table<FeedRow>(
  'feed',
  ['app', 'name'],
  ['url', 'category', 'display_name', 'tags', 'metadata', 'created_at', 'updated_at', 'position', 'record', 'auth'],
);

export const toFeed = async (tx: Tx, row: FeedRow, context: Context): Promise<feeds.Feed> => ({
  name: row.name,
  url: row.url,
  category: row.category,
  displayName: row.display_name,
  tags: JSON.parse(row.tags) as string[],
  metadata: JSON.parse(row.metadata) as Record<string, unknown>,
  auth: { kind: row.auth },
  credentials: await credentialsOf(tx, row, context),
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});
