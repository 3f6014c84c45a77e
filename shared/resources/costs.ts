import * as z from 'zod';
import { app, count, jsonDocument, listInput, name, page, revision, timestamp, timestampInput } from '../fields.ts';
import { operation } from '../operation.ts';
import { dimension, filters, range } from './costs/fields.ts';

const path = '/v1/apps/{app}/costs';

const cost = z.object({
  usageId: z.string(),
  provider: z.string(),
  model: z.string(),
  operation: z.string(),
  session: z.string().nullable(),
  feed: z.string().nullable(),
  inputTokens: count(),
  outputTokens: count(),
  costNanoUsd: count().nullable().describe('null: nobody knows, which is not zero'),
  metadata: z.record(z.string(), z.unknown()),
  at: timestamp(),
  archived: z.boolean(),
  revision: revision(),
});
export type Cost = z.infer<typeof cost>;

export const record = operation({
  method: 'POST',
  path,
  kind: 'write',
  access: 'write',
  summary: 'Records what one use of a paid service cost, once for each usageId for ever, also when it is archived',
  input: z.strictObject({
    app: app(),
    usageId: name().describe('Made by the caller, best as a UUIDv7: two equal records with two ids are two'),
    provider: name(),
    model: name(),
    operation: name(),
    session: name().optional(),
    feed: name().optional(),
    inputTokens: count().optional(),
    outputTokens: count().optional(),
    costNanoUsd: count().nullable().describe('null when nobody knows, which is not zero'),
    metadata: jsonDocument().optional(),
    at: timestampInput().optional().describe('When it was used; now when absent'),
  }),
  // 200: this usage was recorded before. With other content it is refused as `exists`.
  output: cost,
  statuses: [201, 200],
});

export const list = operation({
  method: 'GET',
  path,
  kind: 'read',
  access: 'read',
  summary: 'Records of what was used, the newest first',
  input: z.strictObject({ ...filters, ...listInput, archived: z.boolean().default(false) }),
  output: page(cost),
});

const sums = {
  records: count(),
  unknown: count().describe('Records whose cost nobody knows: they are not in `knownNanoUsd`'),
  inputTokens: count(),
  outputTokens: count(),
  knownNanoUsd: count(),
  archived: count().describe('How many of the records are archived'),
  archivedNanoUsd: count().describe('What of `knownNanoUsd` is of those'),
};
const text = z.string().nullable().optional();

export const summary = operation({
  method: 'GET',
  path: `${path}:summary`,
  kind: 'read',
  access: 'read',
  summary: 'What was spent, by any of day, provider, model, operation, session and feed; archived records count too',
  input: z.strictObject({ ...filters, by: z.array(dimension).max(6).default([]) }),
  output: z.object({
    total: z.object(sums),
    groups: z
      .array(
        z.object({
          day: z.string().optional(),
          provider: z.string().optional(),
          model: z.string().optional(),
          operation: z.string().optional(),
          session: text,
          feed: text,
          ...sums,
        }),
      )
      .describe('Each has the fields of `by`, in whose order they are sorted; without `by` there are none'),
    damagedCount: count().describe('Sums of one day and kind that cannot be read, and are left out'),
  }),
  problems: ['too_large'],
});

export const clear = operation({
  method: 'POST',
  path: `${path}:clear`,
  kind: 'write',
  access: 'write',
  summary:
    'Archives the records of some days, a slice with each call: lists leave them out, summaries still count them',
  input: z.strictObject({ app: app(), ...range, cursor: listInput.cursor }),
  mainOnly: () => 'it hides what was spent',
  output: z.object({
    archived: count(),
    nextCursor: z.string().nullable().describe('There is more: call again with it'),
    damagedCount: count().describe('Records that cannot be read: they stay as they are'),
  }),
});
