import * as z from 'zod';
import { app, count, expectedRevision, ifAbsent, label, listInput, page, timestamp, tombstone } from '../fields.ts';
import { operation } from '../operation.ts';
import { revealed, secret } from '../secret.ts';
import { address, credential, expiresAt, kind, maxToken, minValidMs, path } from './auth/fields.ts';

export { commitRefresh, failRefresh, refresh } from './auth/refresh.ts';

export const put = operation({
  method: 'PUT',
  path,
  kind: 'write',
  access: 'secret',
  summary: 'Stores a credential; the one before is kept as a version',
  input: z
    .strictObject({
      ...address,
      kind,
      accessToken: secret(maxToken).optional(),
      refreshToken: secret(maxToken).optional(),
      apiKey: secret(maxToken).optional(),
      expiresAt,
      scopes: z.array(label(500)).max(200).optional(),
      account: label(500).optional(),
      clientId: label(500).optional().describe('Profiles of one client id never refresh at the same time'),
      expectedRevision: expectedRevision(),
      ifAbsent: ifAbsent(),
    })
    .superRefine((input, context) => {
      const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
      if (input.kind === 'api-key') {
        if (input.apiKey === undefined) refuse('apiKey', "is required for kind 'api-key'");
        for (const field of ['accessToken', 'refreshToken', 'expiresAt'] as const) {
          if (input[field] !== undefined) refuse(field, "does not belong to kind 'api-key'");
        }
      } else {
        if (input.apiKey !== undefined) refuse('apiKey', "does not belong to kind 'oauth'");
        if (input.accessToken === undefined && input.refreshToken === undefined) {
          refuse('accessToken', 'is required, or a refreshToken');
        }
      }
    }),
  output: credential,
  statuses: [201, 200],
});

export const get = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'What is known of a credential, without its secrets',
  input: z.strictObject(address),
  output: credential,
});

export const list = operation({
  method: 'GET',
  path: '/v1/apps/{app}/auth',
  kind: 'read',
  access: 'read',
  summary: 'All credentials without their secrets, in pages',
  input: z.strictObject({ app: app(), ...listInput, sort: z.enum(['id', 'createdAt']).default('id') }),
  output: page(credential),
});

const remove = operation({
  method: 'DELETE',
  path,
  kind: 'write',
  access: 'secret',
  summary: 'Removes a credential; its versions can be restored for 30 days, unless it is erased',
  input: z.strictObject({
    ...address,
    erase: z.boolean().optional().describe('Removes all its versions too, at once'),
    expectedRevision: expectedRevision(),
  }),
  output: tombstone,
});
export { remove as delete };

export const token = operation({
  method: 'POST',
  path: `${path}/token`,
  kind: 'read',
  access: 'secret',
  secret: true,
  summary: 'The access token while it is good, or the API key',
  input: z.strictObject({ ...address, minValidMs }),
  output: z.object({
    kind,
    accessToken: revealed().optional(),
    apiKey: revealed().optional(),
    expiresAt: timestamp().nullable(),
  }),
});

export const versions = operation({
  method: 'GET',
  path: `${path}/versions`,
  kind: 'read',
  access: 'read',
  summary: 'The current version and the five before it, newest first',
  input: z.strictObject(address),
  output: z.object({
    items: z.array(
      z.object({
        version: count(),
        current: z.boolean(),
        kind,
        account: z.string().nullable(),
        expiresAt: timestamp().nullable(),
        credentials: z.enum(['ok', 'unreadable']),
        createdAt: timestamp(),
        replacedAt: timestamp().nullable(),
      }),
    ),
  }),
});

export const restore = operation({
  method: 'POST',
  path: `${path}/versions/{version}/restore`,
  kind: 'write',
  access: 'secret',
  summary: 'Makes a version current again, with the newest tokens it ever had',
  input: z.strictObject({ ...address, version: z.int().min(1), expectedRevision: expectedRevision() }),
  output: credential,
});
