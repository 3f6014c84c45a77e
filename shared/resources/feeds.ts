import * as z from 'zod';
import {
  app,
  expectedRevision,
  ifAbsent,
  jsonDocument,
  label,
  listInput,
  name,
  page,
  revision,
  timestamp,
  tombstone,
} from '../fields.ts';
import { operation } from '../operation.ts';
import { password, revealed, secret } from '../secret.ts';

/** An http or https URL. Credentials inside it would be stored in plain text, so they are refused. */
const feedUrl = label(4000).superRefine((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    context.addIssue({ code: 'custom', message: "must be an http or https URL, as 'https://example.org/feed.xml'" });
  } else if (url.username !== '' || url.password !== '') {
    context.addIssue({
      code: 'custom',
      message: "must not hold a user name or password, which would be stored in plain text: put them into 'auth'",
    });
  }
});

/** What is sent with the request that fetches the feed: RFC 7617, RFC 6750. */
const auth = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('basic'),
      username: secret(255).refine((text) => !text.includes(':'), { error: "must not hold ':' (RFC 7617)" }),
      password: password(255),
    }),
    z.strictObject({ kind: z.literal('bearer'), token: secret(1000) }),
  ],
  { error: "must be 'none', 'basic' or 'bearer'" },
);
export type Auth = z.infer<typeof auth>;
const tags = z.array(label(200)).max(100, { error: 'must not exceed 100 tags' });

const address = { app: app(), name: name() };
const feed = z.object({
  name: z.string(),
  url: z.string(),
  category: z.string().nullable(),
  displayName: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  auth: z.object({ kind: z.enum(['none', 'basic', 'bearer']) }),
  credentials: z.enum(['none', 'ok', 'unreadable']).describe('Whether the secrets of `auth` can be read'),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type Feed = z.infer<typeof feed>;

// What a caller without the right to see the credentials of a feed must not do to them.
const storesSecret = "'auth' replaces the credentials of a feed";
const redirects = 'its credentials would be sent to another address';

export const put = operation({
  method: 'PUT',
  path: '/v1/apps/{app}/feeds/{name}',
  kind: 'write',
  access: 'write',
  summary: 'Creates or replaces a feed',
  input: z.strictObject({
    ...address,
    url: feedUrl,
    category: label().optional(),
    displayName: label().optional(),
    tags: tags.optional(),
    metadata: jsonDocument().optional(),
    auth: auth.optional().describe('What is stored stays when absent; none removes it'),
    expectedRevision: expectedRevision(),
    ifAbsent: ifAbsent(),
  }),
  mainOnly: ({ auth: given, ifAbsent: created }) =>
    given ? storesSecret : created ? undefined : `without 'ifAbsent' it could replace a feed: ${redirects}`,
  output: feed,
  statuses: [201, 200],
});

export const get = operation({
  method: 'GET',
  path: '/v1/apps/{app}/feeds/{name}',
  kind: 'read',
  access: 'read',
  summary: 'One feed',
  input: z.strictObject(address),
  output: feed,
});

export const list = operation({
  method: 'GET',
  path: '/v1/apps/{app}/feeds',
  kind: 'read',
  access: 'read',
  summary: 'All feeds, in pages',
  input: z.strictObject({ app: app(), ...listInput, sort: z.enum(['id', 'createdAt']).default('id') }),
  output: page(feed),
});

export const patch = operation({
  method: 'PATCH',
  path: '/v1/apps/{app}/feeds/{name}',
  kind: 'write',
  access: 'write',
  summary: 'Changes some fields of a feed: RFC 7396 merge patch, null removes',
  input: z.strictObject({
    ...address,
    patch: z.strictObject({
      url: feedUrl.optional(),
      category: label().nullable().optional(),
      displayName: label().nullable().optional(),
      tags: tags.nullable().optional(),
      metadata: jsonDocument().nullable().optional(),
      auth: auth.nullable().optional(),
    }),
    expectedRevision: expectedRevision(),
  }),
  mainOnly: ({ patch: { auth: given, url } }) =>
    given !== undefined ? storesSecret : url !== undefined ? `'url' changes: ${redirects}` : undefined,
  output: feed,
});

const remove = operation({
  method: 'DELETE',
  path: '/v1/apps/{app}/feeds/{name}',
  kind: 'write',
  access: 'write',
  summary: 'Removes a feed',
  input: z.strictObject({ ...address, expectedRevision: expectedRevision() }),
  output: tombstone,
});
export { remove as delete };

export const rename = operation({
  method: 'POST',
  path: '/v1/apps/{app}/feeds/{name}/rename',
  kind: 'write',
  access: 'write',
  summary: 'Renames a feed in one step; onto an existing name is refused',
  input: z.strictObject({ ...address, to: name(), expectedRevision: expectedRevision() }),
  output: feed,
});

export const credentials = operation({
  method: 'POST',
  path: '/v1/apps/{app}/feeds/{name}/credentials',
  kind: 'read',
  access: 'secret',
  secret: true,
  summary: 'The secrets of a feed, for the request that fetches it',
  input: z.strictObject(address),
  output: z.union([
    z.object({ kind: z.literal('none') }),
    z.object({ kind: z.literal('basic'), username: revealed(), password: revealed() }),
    z.object({ kind: z.literal('bearer'), token: revealed() }),
  ]),
});
