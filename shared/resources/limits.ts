import * as z from 'zod';
import {
  app,
  count,
  expectedRevision,
  ifAbsent,
  listInput,
  name,
  page,
  revision,
  timestamp,
  tombstone,
} from '../fields.ts';
import { operation } from '../operation.ts';

const path = '/v1/apps/{app}/limits';
const address = { app: app(), name: name() };
const tokens = () => z.int().min(1).max(1_000_000);

const limit = z.object({
  name: z.string(),
  capacity: count(),
  refill: count(),
  intervalMs: count(),
  remaining: count(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type Limit = z.infer<typeof limit>;

export const put = operation({
  method: 'PUT',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: 'Sets a limit that all processes of an application share; what was taken of it stays taken',
  input: z.strictObject({
    ...address,
    capacity: tokens().describe('Tokens of a full bucket'),
    refill: tokens().optional().describe('Tokens that come back at the end of each interval; `capacity` when absent'),
    intervalMs: z
      .int()
      .min(1)
      .max(31 * 86_400_000)
      .describe('Counted from the first token taken of a full bucket'),
    expectedRevision: expectedRevision(),
    ifAbsent: ifAbsent(),
  }),
  mainOnly: () => 'a limit is set by a person, not by who is limited',
  output: limit,
  statuses: [201, 200],
});

export const list = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'All limits with what remains of them, by name',
  input: z.strictObject({ app: app(), ...listInput }),
  output: page(limit),
});

const remove = operation({
  method: 'DELETE',
  path: `${path}/{name}`,
  kind: 'write',
  access: 'write',
  summary: "Removes a limit; 'episodes' then is what it is by default",
  input: z.strictObject({ ...address, expectedRevision: expectedRevision() }),
  output: tombstone,
});
export { remove as delete };

export const acquire = operation({
  method: 'POST',
  path: `${path}/{name}/acquire`,
  kind: 'write',
  access: 'write',
  summary: "Takes tokens, all or none. 'episodes' needs no setting: ten a minute",
  input: z.strictObject({ ...address, n: tokens().optional().describe('1 when absent') }),
  // Refused is an answer and no error: it is remembered under its key, and no client repeats it by itself.
  output: z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), remaining: count() }),
    z.object({ ok: z.literal(false), remaining: count(), retryAfterMs: count() }),
  ]),
});
