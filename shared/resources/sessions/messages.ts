import * as z from 'zod';
import { count, label, listInput, name, revision, timestamp } from '../../fields.ts';
import { operation } from '../../operation.ts';
import { problemSchema } from '../../problem.ts';
import { address, lease, messageInput, messageOrDamage, status, usage } from './fields.ts';

/** What became of a message that was sent somewhere: kept beside it, never in it. */
const delivery = z.enum(['pending', 'sent', 'failed']);
const deliveryOf = z.object({ seq: count(), delivery, reason: z.string().nullable(), at: timestamp() });
const deliveryOrDamage = z.union([deliveryOf, z.object({ seq: count(), damaged: z.object({ reason: z.string() }) })]);

/** A guard of what a caller read before: the newest seq, and of which generation. */
const expected = {
  expectedHead: count().optional(),
  expectedGeneration: count().optional().describe('0 when absent beside expectedHead'),
};

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
    delivery: delivery.optional().describe('Of these messages, to be changed when it is known'),
    clearDraft: z.boolean().optional().describe('Deletes the draft that these messages complete'),
    ...expected,
    lease,
  }),
  output: z.object({
    head: count(),
    generation: count(),
    revision: revision(),
    messages: z.array(z.object({ id: z.string(), seq: count() })),
  }),
  statuses: [201],
});

const range = {
  after: count().optional().describe('Only seq greater than this'),
  before: count().optional().describe('Only seq less than this'),
  role: label(200).optional(),
  expectedGeneration: count().optional().describe('Of the session whose seq is meant; another one is refused'),
};

export const messages = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}/messages',
  kind: 'read',
  access: 'read',
  summary: 'Messages by seq, in pages; a page also ends when it holds 4 MiB',
  input: z.strictObject({
    ...address,
    ...listInput,
    ...range,
    last: z.int().min(1).max(1000).optional().describe('The newest so many, oldest of them first; instead of a cursor'),
  }),
  output: z.object({
    items: z.array(messageOrDamage),
    nextCursor: z.string().nullable(),
    damagedCount: count(),
    head: count(),
    generation: count(),
    deliveries: z.array(deliveryOrDamage).describe('Of the items that have one'),
  }),
});

/** A line that is no message has no `seq` of its own. */
const line = z.union([
  messageOrDamage,
  z.object({ delivery: deliveryOrDamage }),
  z.object({ end: z.object({ head: count(), generation: count(), damagedCount: count() }) }),
  z.object({ problem: problemSchema }),
]);

export const stream = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}/messages',
  kind: 'read',
  access: 'read',
  summary:
    'All messages of a session as it was at the start, a line each; the last line is `end` or `problem`, or it was cut',
  input: z.strictObject({ ...address, ...range }),
  output: line,
  stream: 'out',
  produces: { ndjson: 'application/x-ndjson' },
});

export const exportMessages = operation({
  method: 'GET',
  path: '/v1/apps/{app}/sessions/{id}/export',
  kind: 'read',
  access: 'read',
  summary:
    'A whole session to read or to keep: Markdown for people, JSON, or NDJSON with the session as its first line',
  input: z.strictObject({ ...address, format: z.enum(['markdown', 'json', 'ndjson']).default('markdown') }),
  output: z.string(),
  stream: 'out',
  produces: {
    markdown: 'text/markdown; charset=utf-8',
    json: 'application/json; charset=utf-8',
    ndjson: 'application/x-ndjson',
  },
});

export const setDelivery = operation({
  method: 'PUT',
  path: '/v1/apps/{app}/sessions/{id}/messages/{messageId}/delivery',
  kind: 'write',
  access: 'write',
  summary: 'What became of one message; the message itself never changes',
  input: z.strictObject({
    ...address,
    messageId: name(),
    delivery,
    reason: label().optional().describe('Why it failed, for people'),
    lease,
  }),
  output: deliveryOf.extend({ id: z.string(), revision: revision() }),
});
