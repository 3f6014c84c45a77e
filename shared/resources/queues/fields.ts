import * as z from 'zod';
import { app, name, revision, timestamp } from '../../fields.ts';
import { held, state } from '../claims.ts';

// The types that the operations of queues share.

/** The name of a queue; changes call a message `queue/id`. */
export const queue = () => name().refine((text) => !text.includes('/'), { error: "must not hold '/'" });

export const path = '/v1/apps/{app}/queues/{queue}';
export const messagePath = `${path}/messages/{id}` as const;
export const address = { app: app(), queue: queue(), id: name() };

export const priority = z.enum(['urgent', 'normal', 'low']);

export const message = z.object({
  queue: z.string(),
  id: z.string(),
  priority,
  group: z.string().nullable(),
  state,
  ...held,
  maxAttempts: z.int().nullable().describe('After so many it is dead; null: never'),
  body: z.record(z.string(), z.unknown()),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
});
export type Message = z.infer<typeof message>;
