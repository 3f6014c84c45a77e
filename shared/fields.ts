import * as z from 'zod';
import { flawOf, isJsonObject, maxDocument, type JsonObject } from './json.ts';
import { isPlainText } from './text.ts';

// The field types that several kinds of record share. Schemas never coerce: see daemon/http/input.ts.

// Control characters as Unicode defines them: C0, DEL and C1.
// oxlint-disable-next-line no-control-regex -- naming them is the point
const control = /[\u0000-\u001f\u007f-\u009f]/;

/** An id or a name: 1..200 code points, well-formed, no control characters, not `.` or `..`; compared as NFC. */
export const name = () =>
  z
    .string()
    .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode (it holds a lone surrogate)' })
    .normalize('NFC')
    .refine((text) => text.length > 0 && Array.from(text).length <= 200, { error: 'must have 1 to 200 characters' })
    .refine((text) => !control.test(text), { error: 'must not hold control characters' })
    .refine((text) => text !== '.' && text !== '..', { error: "must not be '.' or '..'" });

/** The application that owns the data. */
export const app = () =>
  z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
    error: "must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit, as in 'my-cli'",
  });

/** A short text for people: a title, a model, a category. Kept exactly, so what SQL text cannot keep is refused. */
export const label = (max = 1000) =>
  z
    .string()
    .max(max, { error: `must not exceed ${max} characters` })
    .refine((text) => isPlainText(text, Infinity), { error: 'must be well-formed Unicode without NUL' });

/**
 * Any JSON object of the application. It passes through as parsed, never rebuilt: zod's own object and record types
 * drop `__proto__` without a word, and copying such values by spread or assignment would too. Callers may give any
 * object: their interfaces have no index signature.
 */
export const jsonObject = (): z.ZodType<JsonObject, object> =>
  z
    .custom<JsonObject>(isJsonObject, { error: 'must be a JSON object', abort: true })
    .superRefine((value, context) => {
      const message = flawOf(value);
      // Not continuable: what follows may recurse over the value.
      if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false });
    })
    .meta({ type: 'object', additionalProperties: true });

/** A JSON object kept in one record: bounded in size. */
export const jsonDocument = () =>
  jsonObject().refine((value) => JSON.stringify(value).length <= maxDocument, {
    error: `must not exceed ${maxDocument} characters as JSON`,
  });

/** RFC 3339 in UTC with milliseconds, as every time holdfast answers. */
export const timestamp = () => z.iso.datetime({ precision: 3 });

/** Any RFC 3339 time in UTC. */
export const timestampInput = () =>
  z.iso.datetime({ error: "must be an RFC 3339 time in UTC, as '2026-01-31T12:00:00.000Z'" });

/** Opaque: compare for equality only. Changes with every change of the record, also over delete and re-create. */
export const revision = () => z.string().max(64);

/** Fields of a guarded write. */
export const expectedRevision = () => revision().optional();
export const ifAbsent = () => z.boolean().optional();

/** A non-negative integer that JSON numbers hold exactly. */
export const count = () => z.int().min(0);

/** What every list takes. */
export const listInput = {
  limit: z.int().min(1).max(1000).default(100),
  cursor: z.string().max(2000).optional(),
  order: z.enum(['asc', 'desc']).optional(),
};

/** A record of a list that failed its checksum: reported in its place, never left out. */
export const damagedItem = z.object({ id: z.string(), damaged: z.object({ reason: z.string() }) });

/** What every list answers: `nextCursor` is null at the end. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(z.union([item, damagedItem])),
    nextCursor: z
      .string()
      .nullable()
      .describe('null at the end; a page of large records has fewer than `limit`, and goes on'),
    damagedCount: count(),
  });

/** What a delete answers: the revision of the tombstone. */
export const tombstone = z.object({ id: z.string(), revision: revision() });
