import * as z from 'zod';
import {
  app,
  count,
  jsonDocument,
  jsonObject,
  label,
  listInput,
  name,
  page,
  revision,
  timestamp,
  timestampInput,
} from '../fields.ts';
import type { JsonObject } from '../json.ts';
import { operation } from '../operation.ts';

const status = z.enum(['active', 'paused', 'completed', 'abandoned']);
const address = { app: app(), id: name() };

/** Tokens and cost that a message added. Money is integer nano-USD. */
const usage = z.strictObject({
  inputTokens: count().optional(),
  outputTokens: count().optional(),
  costNanoUsd: count().optional(),
});

const summary = z.object({
  id: z.string(),
  title: z.string().nullable(),
  model: z.string().nullable(),
  workingDirectory: z.string().nullable(),
  status,
  head: count().describe('seq of the newest message; 0 when there is none'),
  messageCount: count(),
  preview: z.string().nullable().describe('Beginning of the first message of role user'),
  inputTokens: count(),
  outputTokens: count(),
  costNanoUsd: count(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type SessionSummary = z.infer<typeof summary>;
const session = summary.extend({ metadata: z.record(z.string(), z.unknown()) });
export type Session = z.infer<typeof session>;

const messageId = name();

/** A message is flat: `id` and `seq` are ours, every other field is the application's and comes back exactly. */
const messageInput = jsonObject()
  .refine((message: JsonObject) => !Object.hasOwn(message, 'seq'), {
    error: "must not hold 'seq': holdfast gives it",
  })
  .superRefine((message: JsonObject, context) => {
    if (!Object.hasOwn(message, 'id')) return;
    for (const issue of messageId.safeParse(message['id']).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: ['id'], message: issue.message });
    }
  });

/** A message as answered: the application's fields beside ours. */
const message = z.looseObject({ id: z.string(), seq: count() });

export const create = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions',
  kind: 'write',
  access: 'write',
  summary: 'Creates a session; an id that exists is refused',
  input: z.strictObject({
    app: app(),
    id: name().optional(),
    title: label().optional(),
    model: label().optional(),
    workingDirectory: label(4096).optional(),
    status: status.optional().describe('active when absent'),
    metadata: jsonDocument().optional(),
  }),
  output: session,
  statuses: [201],
});

export const get = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}',
  kind: 'read',
  access: 'read',
  summary: 'One session without its messages',
  input: z.strictObject(address),
  output: session,
});

export const list = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions',
  kind: 'read',
  access: 'read',
  summary: 'Sessions without metadata, newest change first unless asked otherwise',
  input: z.strictObject({
    app: app(),
    ...listInput,
    sort: z.enum(['updatedAt', 'createdAt', 'id']).default('updatedAt'),
    status: status.optional(),
    workingDirectory: label(4096).optional(),
    model: label().optional(),
    updatedAfter: timestampInput().optional(),
    updatedBefore: timestampInput().optional(),
  }),
  output: page(summary),
});

export const append = operation({
  method: 'POST',
  path: '/v1/apps/{app}/sessions/{id}/messages',
  kind: 'write',
  access: 'write',
  summary: 'Appends messages, with what they cost and the status they lead to, in one transaction',
  input: z.strictObject({
    ...address,
    messages: z
      .array(messageInput)
      .min(1, { error: 'must hold at least 1 message' })
      .max(1000, { error: 'must not exceed 1000 messages' }),
    usage: usage.optional(),
    status: status.optional(),
    expectedHead: count().optional(),
  }),
  output: z.object({
    head: count(),
    revision: revision(),
    messages: z.array(z.object({ id: z.string(), seq: count() })),
  }),
  statuses: [201],
});

export const messages = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}/messages',
  kind: 'read',
  access: 'read',
  summary: 'Messages by seq, in pages; a page also ends when it holds 4 MiB',
  input: z.strictObject({
    ...address,
    ...listInput,
    after: count().optional().describe('Only seq greater than this'),
    before: count().optional().describe('Only seq less than this'),
    last: z.int().min(1).max(1000).optional().describe('The newest so many, oldest of them first; instead of a cursor'),
    role: label(200).optional(),
  }),
  output: z.object({
    items: z.array(z.union([message, z.object({ seq: count(), damaged: z.object({ reason: z.string() }) })])),
    nextCursor: z.string().nullable(),
    damagedCount: count(),
    head: count(),
  }),
});
