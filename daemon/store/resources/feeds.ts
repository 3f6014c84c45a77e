import { HoldfastError, invalidField } from '../../../shared/errors.ts';
import { maxDocument, mergePatch, type Json } from '../../../shared/json.ts';
import type { InputOf, OutputOf } from '../../../shared/operation.ts';
import type * as feeds from '../../../shared/resources/feeds.ts';
import { page } from '../page.ts';
import { dropSecrets, reveal, sealedOf } from '../seal.ts';
import { revisionOf, type Context, type Tx } from '../tx.ts';
import { ownerOf, secretsOf, setAuth } from './feeds/credentials.ts';
import { feed, toFeed, type FeedRow } from './feeds/rows.ts';
import { guard, required } from './revisions.ts';

async function existing(
  tx: Tx,
  input: { app: string; name: string; expectedRevision?: string | undefined },
  context: Context,
) {
  return required('feed', await tx.find(feed, { app: input.app, name: input.name }), input, context);
}

type Next = Omit<FeedRow, 'position' | 'updated_at' | 'record' | 'auth'>;

/** Writes the next version of a feed: log row, previous value, secrets, record. Without `auth` its secrets stay. */
async function write(tx: Tx, context: Context, next: Next, previous?: FeedRow, auth?: feeds.Auth) {
  const position = await tx.change({ kind: 'feed', id: next.name });
  if (previous) await keep(tx, position, previous);
  const { record = position, auth: kept = 'none' } = previous ?? {};
  const row: FeedRow = { ...next, updated_at: context.at, position, record, auth: auth?.kind ?? kept };
  if (auth) await setAuth(tx, row, auth, context);
  await tx.put(feed, row);
  return toFeed(tx, row, context);
}

/** Keeps what a change replaces, its secrets as they are sealed. */
async function keep(tx: Tx, position: number, previous: FeedRow): Promise<void> {
  const secrets = previous.auth === 'none' ? {} : { secrets: await sealedOf(tx, ownerOf(previous)) };
  await tx.keep(position, 'feed', previous.name, { ...previous, ...secrets });
}

export async function put(tx: Tx, input: InputOf<typeof feeds.put>, context: Context) {
  const { app, name } = input;
  const previous = await tx.find(feed, { app, name });
  guard('feed', previous, input, context);
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
  return write(tx, context, next, previous, input.auth);
}

export async function get(tx: Tx, input: InputOf<typeof feeds.get>, context: Context) {
  return toFeed(tx, await existing(tx, input, context), context);
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
    (row) => toFeed(tx, row, context),
    (row) => row.name,
  );
}

export async function patch(tx: Tx, input: InputOf<typeof feeds.patch>, context: Context) {
  const previous = await existing(tx, input, context);
  const { url, category, displayName, tags, metadata, auth } = input.patch;
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
  return write(tx, context, next, previous, auth === null ? { kind: 'none' } : auth);
}

async function remove(tx: Tx, input: InputOf<typeof feeds.delete>, context: Context) {
  const previous = await existing(tx, input, context);
  const position = await tx.change({ kind: 'feed', id: input.name });
  await keep(tx, position, previous);
  await dropSecrets(tx, ownerOf(previous));
  await tx.delete(feed, { app: input.app, name: input.name });
  return { id: input.name, revision: revisionOf(context, position) };
}
export { remove as delete };

export async function rename(tx: Tx, input: InputOf<typeof feeds.rename>, context: Context) {
  const previous = await existing(tx, input, context);
  if (input.to === input.name) return toFeed(tx, previous, context);
  if (await tx.find(feed, { app: input.app, name: input.to })) {
    throw new HoldfastError('exists', `A feed named '${input.to}' exists.`);
  }
  await keep(tx, await tx.change({ kind: 'feed', id: input.name }), previous);
  await tx.delete(feed, { app: input.app, name: input.name });
  const position = await tx.change({ kind: 'feed', id: input.to });
  const row = { ...previous, name: input.to, updated_at: context.at, position };
  await tx.put(feed, row);
  return toFeed(tx, row, context);
}

export async function credentials(tx: Tx, input: InputOf<typeof feeds.credentials>, context: Context) {
  const row = await existing(tx, input, context);
  const secrets: Record<string, string> = {};
  for (const field of secretsOf(row)) secrets[field] = await reveal(tx, context, ownerOf(row), field);
  return { kind: row.auth, ...secrets } as OutputOf<typeof feeds.credentials>;
}
