import * as z from 'zod';
import { label, timestamp } from '../fields.ts';
import { operation } from '../operation.ts';
import { address } from './sessions/fields.ts';

/** Present whenever a lease is: pass it to every write to the session. Compare for equality only. */
const token = z.string().max(64);

const path = '/v1/apps/{app}/sessions/{id}/lease';

export const acquire = operation({
  method: 'POST',
  path,
  kind: 'write',
  access: 'write',
  summary: 'Takes the lease of a session, or renews it with its token; one that somebody else holds is refused',
  input: z.strictObject({
    ...address,
    owner: label(200).describe('Who holds it, for the people who are refused'),
    ttlMs: z.int().min(100).max(86_400_000).optional().describe('A minute when absent; each accepted write renews it'),
    token: token.optional().describe('Of the lease to renew'),
    force: z.boolean().optional().describe('Takes it over from a living holder, who is then fenced off'),
  }),
  output: z.object({ token, owner: z.string(), since: timestamp(), expiresAt: timestamp() }),
  mainOnly: ({ force }) => (force ? "'force' takes a lease from its living holder" : undefined),
});

export const release = operation({
  method: 'DELETE',
  path,
  kind: 'write',
  access: 'write',
  summary: 'Gives the lease up; its token is void from then on',
  input: z.strictObject({ ...address, token }),
  output: z.object({ id: z.string() }),
});
