import * as z from 'zod';

/** Who holds a lease. */
export const holder = z.object({
  owner: z.string(),
  since: z.string(),
  expiresAt: z.string(),
  client: z.string().nullable(),
  pid: z.int().nullable(),
});

/** The schema of the wire form of an error, for OpenAPI and for whoever checks an answer. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  requestId: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  current: z.union([z.string(), z.int()]).optional(),
  generation: z.int().optional(),
  holder: holder.optional(),
  candidates: z.array(z.string()).optional(),
  field: z.string().optional(),
  index: z.int().optional(),
  floor: z.string().optional(),
});
