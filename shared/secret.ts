import * as z from 'zod';

/** How a schema marks a secret text: JSON Schema's format, so OpenAPI shows it too. Redaction reads nothing else. */
const format = 'password';

// Control characters as Unicode defines them: C0, DEL and C1. In a header they would end the line.
// oxlint-disable-next-line no-control-regex -- naming them is the point
const control = /[\u0000-\u001f\u007f-\u009f]/;
/** What a program that lost its secret sends in its place. */
const blanks = new Set(['', 'undefined', 'null', 'NaN', '[object Object]']);

/** A token or a key that a caller gives: 1..`max` characters. The messages never hold its text. */
export const secret = (max: number) =>
  password(max)
    .refine((text) => text.trim() === text, { error: 'must not begin or end with white space' })
    .meta({ format });

/** A password: as a token, but white space around it may belong to it. */
export const password = (max: number) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(max, { error: `must not exceed ${max} characters` })
    .refine((text) => text.isWellFormed() && !control.test(text), {
      error: 'must be well-formed Unicode without control characters',
    })
    .refine((text) => !blanks.has(text.trim()), {
      error: "must be a secret, not blank and not the text of a missing value ('undefined')",
    })
    .meta({ format });

/** A secret in an answer. */
export const revealed = () => z.string().meta({ format });

type Schema = z.core.JSONSchema.BaseSchema;

/** What finds the secrets of a value by its schema: calls `found` with each, and puts the result in its place. */
export type SecretMapper = (value: unknown, found: (secret: string) => string) => unknown;

/** The mapper of a schema; undefined when no part of it is secret. Takes values that the schema would refuse. */
export function secretMapper(schema: z.ZodType, io: 'input' | 'output'): SecretMapper | undefined {
  const json = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return holdsSecret(json) ? (value, found) => map(branches(json), value, found) : undefined;
}

/** A schema and its alternatives, however deep they are nested: the patch of a union is `anyOf` around `oneOf`. */
const branches = (schema: unknown): Schema[] =>
  isSchema(schema)
    ? [schema, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap(branches)]
    : [];
const isSchema = (schema: unknown): schema is Schema => typeof schema === 'object' && schema !== null;

function holdsSecret(schema: unknown): boolean {
  return branches(schema).some(
    (one) => one.format === format || [...Object.values(one.properties ?? {}), one.items].some(holdsSecret),
  );
}

function map(schemas: Schema[], value: unknown, found: (secret: string) => string): unknown {
  // What no schema describes holds no secret, and may be nested as deep as it likes.
  if (schemas.length === 0) return value;
  if (typeof value === 'string') return schemas.some((one) => one.format === format) ? found(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = schemas.flatMap((one) => branches(one.items));
    return value.map((one) => map(items, one, found));
  }
  const mapped = Object.entries(value).map(([name, one]: [string, unknown]) => [
    name,
    map(
      schemas.flatMap(({ properties = {} }) => (Object.hasOwn(properties, name) ? branches(properties[name]) : [])),
      one,
      found,
    ),
  ]);
  return Object.fromEntries(mapped) as object;
}
