import * as z from 'zod';
import { app, jsonObject } from '../fields.ts';
import { operation } from '../operation.ts';
import { problemSchema } from '../problem.ts';
import { maxBatchBody, maxBatchCalls, maxBatchWorkMs } from '../protocol.ts';

const key = z
  .string()
  .regex(/^[\x20-\x7e]{1,200}$/, { error: 'must have 1 to 200 printable ASCII characters' })
  .optional();

const call = z.strictObject({
  op: z
    .string()
    .max(100)
    .describe("An operation by its id, as 'feeds.put'; none that streams, waits or answers a secret"),
  app: app().optional(),
  input: jsonObject(),
  key: key.describe(
    'Makes the call safe to send again; without it, that of the header Idempotency-Key and the place of the call do. Not in an atomic batch, which has one key for all',
  ),
});

export const run = operation({
  method: 'POST',
  path: '/v1/batch',
  kind: 'write',
  access: 'write',
  summary: 'Many calls in one request: independent writes, or with `atomic` all or nothing in one transaction',
  maxBody: maxBatchBody,
  input: z.strictObject({
    atomic: z
      .boolean()
      .optional()
      .describe(
        `All or nothing, in one transaction that every other write waits for: after ${maxBatchWorkMs / 1000} s of work it is refused`,
      ),
    key: key.describe('Of an atomic batch; the header Idempotency-Key stands for it'),
    calls: z
      .array(call)
      .min(1, { error: 'must hold a call' })
      .max(maxBatchCalls, { error: `must not exceed ${maxBatchCalls} calls` }),
  }),
  output: z.object({
    results: z.array(
      z.union([
        z.object({ status: z.int(), output: z.unknown() }),
        z.object({ status: z.int(), problem: problemSchema }),
      ]),
    ),
  }),
});
