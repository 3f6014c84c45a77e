import * as z from 'zod';

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
});
