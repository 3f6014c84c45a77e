import * as z from 'zod';
import { timestamp } from '../fields.ts';
import { operation } from '../operation.ts';
import { password, revealed, secret } from '../secret.ts';

const passphrase = password(1000)
  .refine((text) => Array.from(text).length >= 8, { error: 'must have at least 8 characters' })
  .meta({ format: 'password' });

const state = z.enum(['none', 'ok', 'key_missing', 'key_wrong', 'key_exposed', 'key_unreadable', 'key_locked']);
const status = z.object({
  state: state.describe('none: no secret was ever stored, so there is no key yet'),
  detail: z.string().describe('What is wrong and what mends it; empty when nothing is'),
  provider: z.enum(['file', 'passphrase']).nullable().describe('What protects the root key'),
  fingerprint: z.string().nullable().describe('Names the root key that the store needs, and tells nothing of it'),
  path: z.string(),
  apps: z.array(z.object({ app: z.string(), keyId: z.int(), createdAt: timestamp() })).describe('Data keys'),
});
export type KeyStatus = z.infer<typeof status>;

const statusOf = operation({
  method: 'GET',
  path: '/v1/keys',
  kind: 'read',
  access: 'read',
  mainOnly: () => 'it says where the root key lies',
  summary: 'Whether the root key is there, and which it is',
  input: z.strictObject({}),
  output: status,
});
export { statusOf as status };

export const init = operation({
  method: 'POST',
  path: '/v1/keys/init',
  kind: 'read',
  access: 'admin',
  summary: 'Makes the root key before the first secret does; with a passphrase, the file is of no use without it',
  input: z.strictObject({ passphrase: passphrase.optional() }),
  output: status,
  statuses: [201],
});

export const unlock = operation({
  method: 'POST',
  path: '/v1/keys/unlock',
  kind: 'read',
  access: 'admin',
  summary: 'Opens the root key with its passphrase, until the daemon ends',
  input: z.strictObject({ passphrase: password(1000) }),
  output: status,
});

export const backup = operation({
  method: 'POST',
  path: '/v1/keys/backup',
  kind: 'read',
  access: 'secret',
  secret: true,
  summary: 'The recovery code of the root key, to write down',
  input: z.strictObject({}),
  output: z.object({ code: revealed(), fingerprint: z.string() }),
});

export const restore = operation({
  method: 'POST',
  path: '/v1/keys/restore',
  kind: 'read',
  access: 'admin',
  summary: 'Puts the root key back from its recovery code; a file that was in its place is kept beside it',
  input: z.strictObject({ code: secret(500), passphrase: passphrase.optional() }),
  output: status,
});

export const rotate = operation({
  method: 'POST',
  path: '/v1/keys/rotate',
  kind: 'read',
  access: 'admin',
  summary: 'Makes a new root key and wraps every data key with it; earlier recovery codes open earlier copies only',
  input: z.strictObject({}),
  output: status,
});
