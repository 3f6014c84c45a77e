import * as z from 'zod';
import { app, count, damagedItem, label, listInput, page, revision, timestamp } from '../fields.ts';
import { operation } from '../operation.ts';
import { claimInput, claimToken, delayMs, held, reason, state } from './claims.ts';

const url = '/v1/apps/{app}/files';

/** As the file system has it: neither resolved nor opened. */
const path = () => label(4096).min(1, { error: 'must not be empty' });
const sequence = () =>
  count().describe(
    'Grows with every change of a path, over restarts of the watcher too; a change that comes late is superseded',
  );

const about = { mtimeMs: z.number().optional(), size: count().optional(), hash: label(200).optional() };
const change = z.discriminatedUnion(
  'event',
  [
    z.strictObject({ event: z.enum(['add', 'change', 'unlink']), path: path(), sequence: sequence(), ...about }),
    z.strictObject({ event: z.literal('rename'), path: path(), from: path(), sequence: sequence(), ...about }),
  ],
  { error: "must be 'add', 'change', 'unlink' or 'rename'" },
);
export type FileChange = z.infer<typeof change>;

const file = z.object({
  path: z.string(),
  event: z.enum(['add', 'change', 'unlink', 'rename']),
  from: z.string().nullable().describe('Of a rename'),
  mtimeMs: z.number().nullable(),
  size: count().nullable(),
  hash: z.string().nullable(),
  sequence: count(),
  state,
  ...held,
  updatedAt: timestamp(),
  revision: revision(),
});
export type File = z.infer<typeof file>;

export const push = operation({
  method: 'POST',
  path: url,
  kind: 'write',
  access: 'write',
  summary:
    'Queues changes of files, one per path: the newest takes the place of those before it. A rename is also an unlink of its old path',
  input: z.strictObject({
    app: app(),
    changes: z.array(change).min(1).max(1000),
  }),
  output: z.object({
    queued: count(),
    superseded: z.array(z.string()).describe('Paths of which a newer change, or this one, was pushed before'),
  }),
});

export const claim = operation({
  method: 'POST',
  path: `${url}:claim`,
  kind: 'write',
  access: 'write',
  wait: true,
  summary: 'Gives out changed paths, the longest waiting first, to this caller alone',
  input: z.strictObject(claimInput),
  output: z.object({
    items: z.array(file.extend({ claim: claimToken })),
    damaged: z
      .array(damagedItem)
      .describe('Paths that were passed over because their rows are damaged: pushing them anew mends them'),
  }),
});

export const ack = operation({
  method: 'POST',
  path: `${url}:ack`,
  kind: 'write',
  access: 'write',
  summary: 'Says that a change is dealt with; one that was pushed since stays queued',
  input: z.strictObject({
    app: app(),
    path: path(),
    claim: claimToken,
    sequence: count().describe('Of the change that was dealt with, as the claim said'),
  }),
  output: z.object({ path: z.string(), queued: z.boolean().describe('A newer change waits'), revision: revision() }),
});

export const nack = operation({
  method: 'POST',
  path: `${url}:nack`,
  kind: 'write',
  access: 'write',
  summary: 'Gives a change back, to its old place',
  input: z.strictObject({ app: app(), path: path(), claim: claimToken, delayMs, reason }),
  output: file,
});

export const list = operation({
  method: 'GET',
  path: url,
  kind: 'read',
  access: 'read',
  summary: 'The changes that are queued, in the order in which they are given out',
  input: z.strictObject({ app: app(), ...listInput }),
  output: page(file),
});

export const stats = operation({
  method: 'GET',
  path: `${url}:stats`,
  kind: 'read',
  access: 'read',
  summary: 'How many changes are queued',
  input: z.strictObject({ app: app() }),
  output: z.object({
    ready: count(),
    claimed: count(),
    delayed: count(),
    oldestReadyAt: timestamp().nullable().describe('When the oldest one that is ready was last pushed'),
  }),
});
