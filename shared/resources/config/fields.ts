import * as z from 'zod';
import { count, revision, timestamp } from '../../fields.ts';
import { flawOf, maxDocument, type Json } from '../../json.ts';
import { isPointer } from '../../pointer.ts';

/** Any JSON value, kept as it was parsed: see jsonObject of fields.ts. */
export const json = (): z.ZodType<Json> =>
  z
    .custom<Json>((value) => value !== undefined, { error: 'must be a JSON value', abort: true })
    .superRefine((value, context) => {
      const message = flawOf(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
    })
    .refine((value) => JSON.stringify(value).length <= maxDocument, {
      error: `must not exceed ${maxDocument} characters as JSON`,
    });

export const pointer = () =>
  z
    .string()
    .max(4000, { error: 'must not exceed 4000 characters' })
    .refine(isPointer, {
      error: "must be a JSON pointer (RFC 6901), as '/plugins/news/enabled'; in a name ~1 is / and ~0 is ~",
    })
    .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode (it holds a lone surrogate)' });
/** A version of a document, counted from 1. */
export const number = () => z.int().min(1);

export const stored = {
  name: z.string(),
  version: count(),
  size: count().describe('Characters of the value as JSON'),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  revision: revision(),
};
/** A document without its value, which may be large. */
export const document = z.object(stored);
export type Config = z.infer<typeof document>;

/** A change of a document. */
export const made = {
  version: count(),
  revision: revision(),
  op: z.string().describe('The operation that made it'),
  at: timestamp(),
  client: z.string().nullable(),
  pid: z.int().nullable(),
  size: count().nullable().describe('Characters of the value as JSON; null for a removal'),
};
export const change = z.object(made);
export type Version = z.infer<typeof change>;
