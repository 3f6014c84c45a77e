import * as z from 'zod';
import { app, name } from '../../fields.ts';

// What costs are told apart by, and which of them an operation is about.

/** A day in UTC. */
export const day = () => z.iso.date({ error: "must be a day in UTC, as '2026-01-31'" });

/** Days that a record may be of, both included. */
export const range = { from: day().optional(), to: day().optional() };

/** Only records of these. */
export const filters = {
  app: app(),
  ...range,
  provider: name().optional(),
  model: name().optional(),
  operation: name().optional(),
  session: name().optional(),
  feed: name().optional(),
};

export const dimension = z.enum(['day', 'provider', 'model', 'operation', 'session', 'feed']);
export type Dimension = z.infer<typeof dimension>;
