import * as z from 'zod';
import { app, jsonDocument, name, revision, timestamp } from '../fields.ts';
import { operation } from '../operation.ts';
import { revealed, secret } from '../secret.ts';

const address = { app: app(), state: name() };
const path = '/v1/apps/{app}/auth/pending/{state}';

export const put = operation({
  method: 'PUT',
  path,
  kind: 'write',
  access: 'secret',
  summary: 'Keeps the secret of a login in progress, such as its PKCE verifier (RFC 7636), by its state',
  input: z.strictObject({
    ...address,
    secret: secret(16_384),
    metadata: jsonDocument().optional().describe('Not sealed'),
    ttlMs: z.int().min(1000).max(86_400_000).optional().describe('Ten minutes when absent'),
  }),
  output: z.object({ state: z.string(), expiresAt: timestamp(), revision: revision() }),
  statuses: [201, 200],
});

export const take = operation({
  method: 'POST',
  path: `${path}/take`,
  kind: 'write',
  access: 'secret',
  secret: true,
  summary: 'Answers the secret, once: it is gone then',
  input: z.strictObject(address),
  output: z.object({
    state: z.string(),
    secret: revealed(),
    metadata: z.record(z.string(), z.unknown()),
    createdAt: timestamp(),
  }),
});
