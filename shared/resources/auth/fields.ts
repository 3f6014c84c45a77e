import * as z from 'zod';
import { app, count, name, revision, timestamp, timestampInput } from '../../fields.ts';

/** Longest token or key that is kept, in characters. */
export const maxToken = 16_384;

export const address = { app: app(), profile: name() };
export const path = '/v1/apps/{app}/auth/{profile}';
export const kind = z.enum(['oauth', 'api-key']);

export const expiresAt = timestampInput()
  .nullable()
  .optional()
  .describe('When the access token ends; null or absent when that is not known: it is good until it is refused');
export const minValidMs = z
  .int()
  .min(0)
  .max(86_400_000)
  .optional()
  .describe('How long the token must still be good; five minutes when absent, half its life for a shorter one');

/** A credential without its secrets. */
export const credential = z.object({
  profile: z.string(),
  kind,
  account: z.string().nullable(),
  clientId: z.string().nullable(),
  scopes: z.array(z.string()),
  expiresAt: timestamp().nullable(),
  holds: z.array(z.string()).describe('The secrets that are kept: accessToken, refreshToken, apiKey'),
  credentials: z.enum(['ok', 'unreadable']).describe('Whether all of them can be read'),
  state: z.enum(['ok', 'refresh_failed', 'needs_login']),
  reason: z.string().nullable().describe('What the last refresh that failed said'),
  refreshing: z
    .object({ client: z.string().nullable(), pid: z.int().nullable(), leaseExpiresAt: timestamp() })
    .nullable()
    .describe('Who is refreshing it now'),
  previousAttempt: z
    .enum(['failed', 'unknown'])
    .nullable()
    .describe(
      'How refreshes ended since tokens were stored last; unknown: one of them may have used the refresh token up',
    ),
  version: count().describe('Grows with every put; a refresh changes the tokens of a version'),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type Credential = z.infer<typeof credential>;
