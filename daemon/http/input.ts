import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import { HoldfastError, invalidField } from '../../shared/errors.ts';
import { fieldHeaders } from '../../shared/headers.ts';
import { isJsonObject } from '../../shared/json.ts';
import { fieldsTravelIn, type Operation } from '../../shared/operation.ts';
import { invalidInput } from './problem.ts';
import { malformed, type Query } from './query.ts';

type Kind = 'number' | 'boolean' | 'array' | 'text';

/**
 * Reads the one flat input of an operation from path, query or body, and headers. Text becomes a number, a boolean
 * or an array here, by the type the schema declares, so that schemas never coerce: for z.coerce 'false' is true.
 */
export function inputReader(operation: Operation): (request: FastifyRequest) => Record<string, unknown> {
  const kinds = fieldKinds(operation.input);
  const inQuery = fieldsTravelIn(operation) === 'query';

  return (request) => {
    const fields = new Map<string, unknown>();
    const add = (name: string, value: unknown, source: string) => {
      if (fields.has(name) && fields.get(name) !== value) {
        throw invalidField(name, `is given twice with different values, once in the ${source}`);
      }
      fields.set(name, value);
    };
    const query = request.query as Query;
    if (query[malformed]) throw new HoldfastError('invalid_input', 'The query is not valid percent-encoded UTF-8.');
    for (const [name, text] of Object.entries(request.params as object)) {
      add(name, fromText(text as string, kinds.get(name)), 'path');
    }
    for (const [name, text] of Object.entries(query)) {
      if (!inQuery) throw invalidField(name, 'belongs in the JSON body: this operation takes no query');
      add(name, fromText(text, kinds.get(name)), 'query');
    }
    if (!inQuery) for (const [name, value] of Object.entries(bodyOf(request))) add(name, value, 'body');
    for (const [header, { field, read }] of Object.entries(fieldHeaders)) {
      const text = request.headers[header];
      if (typeof text !== 'string') continue;
      const value = read(text);
      if (kinds.has(field) && value !== undefined) add(field, fromText(value, kinds.get(field)), `header ${header}`);
      else if (operation.kind === 'write')
        throw invalidField(header, 'does not apply to this operation with that value');
    }
    return checked(operation, fields);
  };
}

/** The input of these fields, as the operation's schema gives it; throws what is wrong with each. */
export function checked(operation: Operation, fields: ReadonlyMap<string, unknown>): Record<string, unknown> {
  // zod drops it without a word.
  if (fields.has('__proto__')) throw invalidField('__proto__', 'is not a field of this operation');
  const parsed = operation.input.safeParse(Object.fromEntries(fields));
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}

function bodyOf(request: FastifyRequest): object {
  const { body } = request;
  if (body === undefined) return {};
  if (!isJsonObject(body)) throw new HoldfastError('invalid_input', 'The body must be a JSON object of named fields.');
  return body;
}

const kindOf = (type: unknown): Kind =>
  type === 'integer' || type === 'number' ? 'number' : type === 'boolean' || type === 'array' ? type : 'text';

/** What text must become for each field, read off the schema. */
function fieldKinds(input: z.ZodObject): Map<string, Kind> {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' });
  return new Map(
    Object.entries(schema.properties ?? {}).map(([name, property]) => [
      name,
      kindOf(typeof property === 'object' ? property.type : undefined),
    ]),
  );
}

/** Text that does not have the form of its type stays text, for the schema to refuse by name. */
function fromText(text: string | string[], kind: Kind | undefined): unknown {
  if (kind === 'array') return Array.isArray(text) ? text : [text];
  if (typeof text !== 'string') return text;
  if (kind === 'number' && /^-?\d{1,16}(\.\d+)?$/.test(text)) return Number(text);
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
