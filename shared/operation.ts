import type * as z from 'zod';
import type { ErrorCode } from './errors.ts';

/**
 * What one operation is. Routes, client methods, OpenAPI, batching, the restricted socket and redaction all
 * derive from this descriptor; there is no other place that knows a path.
 */
export interface Operation<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
  Stream extends 'in' | 'out' | undefined = 'in' | 'out' | undefined,
> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI style: `/v1/apps/{app}/feeds/{name}`; each `{field}` is a field of `input`. */
  path: `/v1/${string}`;
  kind: 'read' | 'write';
  /**
   * What a caller may do with it. `secret` answers secrets, or decides which one is used; like `admin` and every DELETE, it
   * is refused on the restricted socket.
   */
  access: 'read' | 'write' | 'secret' | 'admin';
  summary: string;
  /**
   * One flat, strict object: fields of the path, the query or body, and the headers of `headers.ts`. Of a write it has no
   * defaults: its idempotency key remembers the input, and a later default would make a retry another request.
   */
  input: Input;
  output: Output;
  /** The status of a first success; 200 unless said. An operation that may create or replace says both. */
  statuses?: readonly (200 | 201 | 202)[];
  /** Codes that it is refused with beside those that its other properties tell (daemon/http/openapi-answers.ts). */
  problems?: readonly ErrorCode[];
  /** The answer holds a secret: sealed in its idempotency row, never logged. */
  secret?: true;
  /**
   * The body (`in`) or the answer (`out`) is a stream of bytes. Never in a batch. Of an answer, `output` is one line of
   * it where lines have a schema. It may share the path of an operation that answers JSON; the Accept header chooses.
   */
  stream?: Stream;
  /** The media types of an answer that is no JSON document, by the input field `format`; the first one where there is no such field. */
  produces?: Readonly<Record<string, string>>;
  /** Bytes that the body may have, where it is less than what every operation takes. */
  maxBody?: number;
  /** The call may be parked until something changes. Never in a batch. */
  wait?: true;
  /** Why the restricted socket refuses this input, if it does: it overrides a guard, or decides where a secret goes. */
  mainOnly?(input: z.output<Input>): string | undefined;
}

/** What of an operation's flags is known as a type: whether it may be in a batch depends on them. */
export interface Flags<Kind, Secret, Wait> {
  kind: Kind;
  secret?: Secret;
  wait?: Wait;
}

/** Declares an operation and keeps its exact type. */
export function operation<
  Input extends z.ZodObject,
  Output extends z.ZodType,
  Kind extends 'read' | 'write',
  Stream extends 'in' | 'out' | undefined = undefined,
  Secret extends true | undefined = undefined,
  Wait extends true | undefined = undefined,
>(
  descriptor: Operation<Input, Output, Stream> & Flags<Kind, Secret, Wait>,
): Operation<Input, Output, Stream> & Flags<Kind, Secret, Wait> {
  return descriptor;
}

/** Groups of operations by kind of record: `{ feeds: { put, get, ... } }`. */
export type Contract = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

export type InputOf<Op> = Op extends Operation<infer Input> ? z.output<Input> : never;
export type OutputOf<Op> = Op extends Operation<z.ZodObject, infer Output> ? z.output<Output> : never;
/** Whether an operation answers with a stream, as a type. */
export type IsStream<Op> =
  Op extends Operation<z.ZodObject, z.ZodType, infer Stream> ? ('out' extends Stream ? true : false) : false;

/** Whether an operation may be in a batch, as a type: not one that streams, waits, or answers a secret. */
export type IsBatchable<Op> = Op extends { stream?: infer Stream; secret?: infer Secret; wait?: infer Wait }
  ? true extends Secret | Wait
    ? false
    : 'in' extends Stream
      ? false
      : 'out' extends Stream
        ? false
        : true
  : false;

/** Where an operation's fields that are not in the path travel. */
export function fieldsTravelIn(op: Operation): 'query' | 'body' {
  return op.method === 'GET' || op.method === 'DELETE' || op.stream === 'in' ? 'query' : 'body';
}

/** The names of the `{fields}` of a path, in order. */
export function pathFields(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
}
