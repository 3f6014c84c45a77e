import * as z from 'zod';
import { app, count, label, timestamp } from '../fields.ts';

// What records have in common that are handed out to one worker at a time: messages of queues, changes of files.

export const state = z.enum(['ready', 'claimed', 'delayed', 'dead']);
export type State = z.infer<typeof state>;

/** Compare for equality only; no other claim of any record has it. */
export const claimToken = z.string().max(64);

export const delayMs = z
  .int()
  .min(0)
  .max(30 * 86_400_000)
  .optional()
  .describe('How long nobody is given it; 0 when absent');
export const reason = label().optional().describe('Why, for the people who look at it');

/** What every claim takes. */
export const claimInput = {
  app: app(),
  max: z.int().min(1).max(100).optional().describe('So many at once; 1 when absent'),
  visibilityMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .optional()
    .describe('How long the caller may take: what is not acknowledged by then is given to another; 60 s when absent'),
  waitMs: z
    .int()
    .min(0)
    .max(300_000)
    .optional()
    .describe('How long to wait for something to claim, less than the deadlineMs that a call is given; 0 when absent'),
};

/** What every record says of who has it. */
export const held = {
  attempts: count().describe('How often it was claimed'),
  hiddenUntil: timestamp().nullable().describe('When it can be claimed, if that is not now'),
  reason: z.string().nullable().describe('What the last nack said'),
};
