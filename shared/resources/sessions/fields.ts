import * as z from 'zod';
import { app, count, jsonObject, name, revision, timestamp } from '../../fields.ts';
import type { JsonObject } from '../../json.ts';
import { holder } from '../../problem.ts';

// The types that the operations of sessions share.

export const status = z.enum(['active', 'paused', 'completed', 'abandoned']);
export const sessionId = name;
export const address = { app: app(), id: sessionId() };

/** The token of a live lease, for every write to a session. */
export const lease = z.string().max(64).optional().describe('Token of the lease; needed while somebody holds it');

/** Tokens and cost. Money is integer nano-USD. */
export const usage = z.strictObject({
  inputTokens: count().optional(),
  outputTokens: count().optional(),
  costNanoUsd: count().optional(),
});

export const summary = z.object({
  id: z.string(),
  title: z.string().nullable(),
  model: z.string().nullable(),
  workingDirectory: z.string().nullable(),
  status,
  head: count().describe('seq of the newest message; 0 when there is none'),
  messageCount: count(),
  generation: count().describe('Raised by whatever changes or drops messages that were stored: seq then names others'),
  preview: z.string().nullable().describe('Beginning of the first message of role user'),
  inputTokens: count(),
  outputTokens: count(),
  costNanoUsd: count(),
  forkedFrom: z.object({ id: z.string(), upTo: count() }).nullable(),
  leasedUntil: timestamp().nullable().describe('End of the lease that somebody holds'),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  deletedAt: timestamp().nullable(),
  revision: revision(),
});
export type SessionSummary = z.infer<typeof summary>;
export const session = summary.extend({ metadata: z.record(z.string(), z.unknown()), lease: holder.nullable() });
export type Session = z.infer<typeof session>;

const messageId = name();

/** A message is flat: `id` and `seq` are ours, every other field is the application's and comes back exactly. */
export const messageInput = jsonObject()
  .refine((message: JsonObject) => !Object.hasOwn(message, 'seq'), {
    error: "must not hold 'seq': holdfast gives it",
  })
  .superRefine((message: JsonObject, context) => {
    if (!Object.hasOwn(message, 'id')) return;
    for (const issue of messageId.safeParse(message['id']).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: ['id'], message: issue.message });
    }
  });

/** Messages of one document whose faults are told: zod makes objects of every fault, and a body may have millions. */
const maxFaulty = 99;

/** The messages of a whole session, as many as a body holds. */
export const messagesInput: z.ZodType<JsonObject[], object[]> = z
  .custom<JsonObject[]>(Array.isArray, {
    error: ({ input }) => (input === undefined ? 'is required' : 'must be an array'),
    abort: true,
  })
  .superRefine((messages, context) => {
    let faulty = 0;
    for (const [index, message] of messages.entries()) {
      if (faulty === maxFaulty) {
        return context.addIssue({ code: 'custom', path: [index], message: 'and those after it were not looked at' });
      }
      const { error } = messageInput.safeParse(message);
      if (error) faulty += 1;
      for (const issue of error?.issues ?? []) context.addIssue({ ...issue, path: [index, ...issue.path] });
    }
  })
  .meta({ type: 'array', items: { type: 'object', additionalProperties: true } });

/** A message as answered: the application's fields beside ours. */
const message = z.looseObject({ id: z.string(), seq: count() });

/** A message, or its place when its row is damaged. */
export const messageOrDamage = z.union([
  message,
  z.object({ id: z.string().optional(), seq: count(), damaged: z.object({ reason: z.string() }) }),
]);
