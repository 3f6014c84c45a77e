import * as z from 'zod';
import {
  app,
  count,
  expectedRevision,
  jsonDocument,
  listInput,
  name,
  page,
  timestamp,
  timestampInput,
  tombstone,
} from '../fields.ts';
import { operation } from '../operation.ts';
import { claimToken, state } from './claims.ts';
import { address, message, messagePath, path, priority, queue } from './queues/fields.ts';

export { ack, claim, nack } from './queues/claim.ts';

export const add = operation({
  method: 'POST',
  path: `${path}/messages`,
  kind: 'write',
  access: 'write',
  summary: 'Adds a message to the end of its group and priority; an id that is in the queue is refused',
  input: z.strictObject({
    app: app(),
    queue: queue(),
    id: name().optional().describe('A UUIDv7 when absent'),
    priority: priority.optional().describe('normal when absent'),
    group: name().optional(),
    notBefore: timestampInput().optional().describe('Not given to anybody before'),
    body: jsonDocument(),
  }),
  output: message,
  statuses: [201],
});

export const get = operation({
  method: 'GET',
  path: messagePath,
  kind: 'read',
  access: 'read',
  summary: 'One message',
  input: z.strictObject(address),
  output: message,
});

export const list = operation({
  method: 'GET',
  path: `${path}/messages`,
  kind: 'read',
  access: 'read',
  summary: 'The messages of a queue in the order in which they are given out',
  input: z.strictObject({
    app: app(),
    queue: queue(),
    ...listInput,
    state: state.optional().describe('All but the dead ones when absent'),
    group: name().optional(),
  }),
  output: page(message),
});

export const edit = operation({
  method: 'PATCH',
  path: messagePath,
  kind: 'write',
  access: 'write',
  summary: 'Changes some fields of a message: RFC 7396 merge patch, null removes; it keeps its place',
  input: z.strictObject({
    ...address,
    patch: z.strictObject({
      body: jsonDocument().optional(),
      priority: priority.optional(),
      group: name().nullable().optional(),
      notBefore: timestampInput().nullable().optional(),
    }),
    claim: claimToken.optional().describe('Needed while somebody has claimed it'),
    expectedRevision: expectedRevision(),
  }),
  output: message,
});

export const remove = operation({
  method: 'DELETE',
  path: messagePath,
  kind: 'write',
  access: 'write',
  summary: 'Removes a message that nobody has claimed',
  input: z.strictObject({ ...address, expectedRevision: expectedRevision() }),
  output: tombstone,
});

export const reorder = operation({
  method: 'POST',
  path: `${path}/reorder`,
  kind: 'write',
  access: 'write',
  summary: 'Gives messages of one group and priority the order named; the others keep their places',
  input: z.strictObject({
    app: app(),
    queue: queue(),
    ids: z
      .array(name())
      .min(1)
      .max(1000)
      .refine((ids) => new Set(ids).size === ids.length, { error: 'must not name a message twice' }),
  }),
  output: z.object({ ids: z.array(z.string()).describe('Those whose place has changed') }),
});

export const requeue = operation({
  method: 'POST',
  path: `${messagePath}/requeue`,
  kind: 'write',
  access: 'write',
  summary: 'Puts a dead message to the end of its group and priority, as if never tried; another stays as it is',
  input: z.strictObject(address),
  output: message,
});

export const clear = operation({
  method: 'POST',
  path: `${path}/clear`,
  kind: 'write',
  access: 'write',
  summary: 'Removes up to 1000 messages, none that somebody has claimed',
  input: z.strictObject({
    app: app(),
    queue: queue(),
    dead: z.boolean().optional().describe('The dead ones, instead of all others'),
    group: name().optional(),
    dryRun: z.boolean().optional().describe('Removes nothing'),
  }),
  mainOnly: ({ dryRun }) => (dryRun ? undefined : 'it removes messages'),
  output: z.object({
    cleared: count(),
    left: count().describe('Those that the next call can remove'),
    claimed: count().describe('Those that stay because somebody has claimed them'),
  }),
});

export const stats = operation({
  method: 'GET',
  path: '/v1/apps/{app}/queues',
  kind: 'read',
  access: 'read',
  summary: 'The queues that hold messages, by name, and how many of which state',
  input: z.strictObject({ app: app() }),
  output: z.object({
    queues: z.array(
      z.object({
        queue: z.string(),
        ready: count(),
        claimed: count(),
        delayed: count(),
        dead: count(),
        oldestReadyAt: timestamp().nullable().describe('When the oldest one that is ready was added'),
      }),
    ),
  }),
});
