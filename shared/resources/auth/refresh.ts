import * as z from 'zod';
import { label, timestamp } from '../../fields.ts';
import { operation } from '../../operation.ts';
import { revealed, secret } from '../../secret.ts';
import { address, credential, expiresAt, maxToken, minValidMs, path } from './fields.ts';

export const refresh = operation({
  method: 'POST',
  path: `${path}/refresh`,
  kind: 'write',
  access: 'secret',
  secret: true,
  wait: true,
  summary: 'A good access token, or the right to refresh it: for one caller, while the others wait for what it gets',
  input: z.strictObject({
    ...address,
    minValidMs,
    waitMs: z.int().min(0).max(300_000).optional().describe('How long to wait for another process; 25 s when absent'),
    leaseMs: z.int().min(1000).max(600_000).optional().describe('How long the caller may take; 120 s when absent'),
    rejected: secret(maxToken).optional().describe('An access token that was refused (401), whatever its time says'),
  }),
  output: z.union([
    z.object({ status: z.literal('fresh'), accessToken: revealed(), expiresAt: timestamp().nullable() }),
    z.object({
      status: z.literal('granted'),
      lease: z.string(),
      refreshToken: revealed(),
      leaseExpiresAt: timestamp(),
      previousAttempt: z.enum(['failed', 'unknown']).optional(),
    }),
  ]),
});

const lease = z.string().max(100).describe('As the grant said');

export const commitRefresh = operation({
  method: 'POST',
  path: `${path}/refresh/commit`,
  kind: 'write',
  access: 'secret',
  summary: 'Stores the tokens that a refresh gave, unless others were stored since the grant',
  input: z.strictObject({
    ...address,
    lease,
    accessToken: secret(maxToken),
    refreshToken: secret(maxToken).optional().describe('The old one stays when absent (RFC 6749, section 6)'),
    expiresAt,
    scopes: z.array(label(500)).max(200).optional(),
  }),
  output: credential.extend({
    current: z
      .boolean()
      .describe('false when the credential was replaced or removed meanwhile; its version has the tokens'),
  }),
});

export const failRefresh = operation({
  method: 'POST',
  path: `${path}/refresh/fail`,
  kind: 'write',
  access: 'secret',
  summary: 'Gives a grant back without tokens: the old ones stay',
  input: z.strictObject({
    ...address,
    lease,
    reason: label(2000).describe('For people; secrets of the credential are removed from it'),
    outcome: z
      .enum(['failed', 'unknown'])
      .optional()
      .describe('unknown: the issuer may have carried it out, and used the refresh token up'),
    fatal: z.boolean().optional().describe('Only a new login can help, as after invalid_grant'),
  }),
  output: credential,
});
