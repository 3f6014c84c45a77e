import { HoldfastError, invalidField } from '../../../shared/errors.ts';
import { maxDocument, mergePatch, type Json } from '../../../shared/json.ts';
import type { InputOf } from '../../../shared/operation.ts';
import type * as feeds from '../../../shared/resources/feeds.ts';
import { page } from '../page.ts';
import { isoTime, revisionOf, table, type Context, type Tx } from '../tx.ts';

interface FeedRow {
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
}
const feed = table<FeedRow>(
  'feed',
  ['app', 'name'],
  ['url', 'category', 'display_name', 'tags', 'metadata', 'created_at', 'updated_at', 'position'],
);

const toFeed = (row: FeedRow, context: Context): feeds.Feed => ({
  name: row.name,
  url: row.url,
  category: row.category,
  displayName: row.display_name,
  tags: JSON.parse(row.tags) as string[],
  metadata: JSON.parse(row.metadata) as Record<string, unknown>,
  auth: { kind: 'none' },
  createdAt: isoTime(row.created_at),
  updatedAt: isoTime(row.updated_at),
  revision: revisionOf(context, row.position),
});

/** Refuses a guarded write whose revision is not the record's; an absent record has none. */
function guard(row: FeedRow | undefined, expected: string | undefined, context: Context): void {
  const current = row && revisionOf(context, row.position);
  if (expected !== undefined && expected !== current) {
    const what = current === undefined ? 'The feed does not exist any more' : `The feed is at revision ${current}`;
    throw new HoldfastError('stale', `${what}, not at ${expected}: read it again.`, {
      ...(current !== undefined && { current }),
    });
  }
}

async function existing(
  tx: Tx,
  input: { app: string; name: string; expectedRevision?: string | undefined },
  context: Context,
) {
  const row = await tx.find(feed, { app: input.app, name: input.name });
  guard(row, input.expectedRevision, context);
  if (!row) throw new HoldfastError('not_found', `There is no feed named '${input.name}'.`);
  return row;
}

/** Writes the next version of a feed: log row, previous value, record. */
async function write(tx: Tx, context: Context, next: Omit<FeedRow, 'position' | 'updated_at'>, previous?: FeedRow) {
  const position = await tx.change({ kind: 'feed', id: next.name });
  if (previous) await tx.keep(position, 'feed', previous.name, previous);
  const row = { ...next, updated_at: context.at, position };
  await tx.put(feed, row);
  return toFeed(row, context);
}

export async function put(tx: Tx, input: InputOf<typeof feeds.put>, context: Context) {
  const { app, name } = input;
  const previous = await tx.find(feed, { app, name });
  guard(previous, input.expectedRevision, context);
  if (previous && input.ifAbsent) {
    throw new HoldfastError('exists', `A feed named '${name}' exists.`, {
      current: revisionOf(context, previous.position),
    });
  }
  if (!previous) context.status = 201;
  const next = {
    app,
    name,
    url: input.url,
    category: input.category ?? null,
    display_name: input.displayName ?? null,
    tags: JSON.stringify(input.tags ?? []),
    metadata: JSON.stringify(input.metadata ?? {}),
    created_at: previous?.created_at ?? context.at,
  };
  return write(tx, context, next, previous);
}

export async function get(tx: Tx, input: InputOf<typeof feeds.get>, context: Context) {
  return toFeed(await existing(tx, input, context), context);
}

export async function list(tx: Tx, input: InputOf<typeof feeds.list>, context: Context) {
  const sort = { id: { sort: 'name', type: 'string' }, createdAt: { sort: 'created_at', type: 'number' } } as const;
  const request = {
    ...sort[input.sort],
    tie: 'name',
    order: input.order ?? 'asc',
    limit: input.limit,
    cursor: input.cursor,
    where: ['app = ?'],
    parameters: [input.app],
  };
  return page(
    tx,
    context,
    feed,
    request,
    (row) => toFeed(row, context),
    (row) => row.name,
  );
}

export async function patch(tx: Tx, input: InputOf<typeof feeds.patch>, context: Context) {
  const previous = await existing(tx, input, context);
  const { url, category, displayName, tags, metadata } = input.patch;
  const merged = mergePatch(JSON.parse(previous.metadata) as Json, metadata === undefined ? {} : metadata);
  const text = JSON.stringify(merged ?? {});
  if (text.length > maxDocument) {
    throw invalidField('patch.metadata', `must not make the metadata exceed ${maxDocument} characters`);
  }
  const next = {
    ...previous,
    url: url ?? previous.url,
    category: category === undefined ? previous.category : category,
    display_name: displayName === undefined ? previous.display_name : displayName,
    tags: tags === undefined ? previous.tags : JSON.stringify(tags ?? []),
    metadata: text,
  };
  return write(tx, context, next, previous);
}

async function remove(tx: Tx, input: InputOf<typeof feeds.delete>, context: Context) {
  const previous = await existing(tx, input, context);
  const position = await tx.change({ kind: 'feed', id: input.name });
  await tx.keep(position, 'feed', input.name, previous);
  await tx.delete(feed, { app: input.app, name: input.name });
  return { id: input.name, revision: revisionOf(context, position) };
}
export { remove as delete };

export async function rename(tx: Tx, input: InputOf<typeof feeds.rename>, context: Context) {
  const previous = await existing(tx, input, context);
  if (input.to === input.name) return toFeed(previous, context);
  if (await tx.find(feed, { app: input.app, name: input.to })) {
    throw new HoldfastError('exists', `A feed named '${input.to}' exists.`);
  }
  const position = await tx.change({ kind: 'feed', id: input.name });
  await tx.keep(position, 'feed', input.name, previous);
  await tx.delete(feed, { app: input.app, name: input.name });
  return write(tx, context, { ...previous, name: input.to });
}
