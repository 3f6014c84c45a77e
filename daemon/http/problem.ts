import type { FastifyReply, FastifyRequest } from 'fastify';
import { HoldfastError, toProblem, type FieldError } from '../../shared/errors.ts';
import type * as z from 'zod';
import { redact, redactAll } from '../redact.ts';

const megabytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`;

/** Any error as one of ours: Fastify's own by their codes, everything unknown as `internal` without its text. */
export function fromFastify(error: unknown, bodyLimit: number): HoldfastError {
  if (error instanceof HoldfastError) return error;
  switch (typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HoldfastError('too_large', `The body is larger than ${megabytes(bodyLimit)}.`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    // Of a QUERY (RFC 10008), which no operation is.
    case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
      return new HoldfastError('unsupported_media_type', "Send the body with 'Content-Type: application/json'.");
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new HoldfastError('malformed_json', 'The body is empty or shorter than its Content-Length.');
    case 'FST_ERR_BAD_URL':
      return new HoldfastError('invalid_input', 'The path is not valid percent-encoded UTF-8.');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HoldfastError('invalid_input', 'A part of the path is too long.');
  }
  return new HoldfastError('internal', 'The daemon failed; its log has the request id.', {}, { cause: error });
}

/** The error of a request that node:http could not read. */
export function badRequest(error: NodeJS.ErrnoException): HoldfastError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HoldfastError('timeout', 'The request did not arrive in time: send it whole, without pauses.');
    case 'HPE_HEADER_OVERFLOW':
      return new HoldfastError('headers_too_large', 'The headers are larger than 32 KiB.');
    default:
      return new HoldfastError('invalid_input', 'This is not an HTTP request.');
  }
}

/** Sends an error as problem details (RFC 9457). */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: HoldfastError): FastifyReply {
  if (error.retryable) reply.header('retry-after', error.details.retryAfter ?? 1);
  return reply.code(error.status).type('application/problem+json').send(problemText(error, request.id));
}

/** The problem document of an error, without any secret that is known or looks like one. */
export function problemText(error: HoldfastError, requestId: string): string {
  const problem = toProblem(error, requestId);
  // Only what is written for people: programs read the rest, and a secret may be the same word.
  return JSON.stringify({
    ...problem,
    detail: redact(problem.detail),
    ...(problem.errors && { errors: redactAll(problem.errors) }),
  });
}

/** Faults that an answer, and its line of the log, name at most: a body may have hundreds of thousands. */
const maxErrors = 100;

/** The error for input that a schema refused: each field with what is wrong with it. */
export function invalidInput(error: z.ZodError): HoldfastError {
  const errors = error.issues.flatMap(fieldErrors);
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = first
    ? `${first.path === '' ? 'The input' : first.path} ${first.message}${more}.`
    : 'The input is not valid.';
  return new HoldfastError('invalid_input', detail, { errors: errors.slice(0, maxErrors) });
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [path, key].filter(Boolean).join('.'),
      message: 'is not a field of this operation',
    }));
  }
  return [{ path, message: message(issue) }];
}

function message(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined') ? 'is required' : `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return issue.values.length > 1 ? `must be one of ${issue.values.join(', ')}` : issue.message;
    case 'too_small':
      return issue.message.startsWith('Too small') ? `must be at least ${issue.minimum}` : issue.message;
    case 'too_big':
      return issue.message.startsWith('Too big') ? `must be at most ${issue.maximum}` : issue.message;
    default:
      return issue.message;
  }
}

const article = (type: string) => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);
