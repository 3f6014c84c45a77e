// No zod here: the writer thread imports this, and starts sooner without.

/**
 * Every error of holdfast, once: HTTP status, title, and whether the same call may simply be made again.
 * `retryable` is true only where the cause passes by itself; a retried write must carry its idempotency key.
 */
export const errorTable = {
  invalid_input: { status: 400, title: 'The input is not valid', retryable: false },
  malformed_json: { status: 400, title: 'The body is not JSON in UTF-8', retryable: false },
  forbidden_origin: { status: 403, title: 'Requests from web pages are refused', retryable: false },
  restricted: { status: 403, title: 'Only the main socket does this', retryable: false },
  not_found: { status: 404, title: 'There is no such record', retryable: false },
  unknown_route: { status: 404, title: 'There is no such operation', retryable: false },
  slow_reader: { status: 408, title: 'The stream was not read fast enough', retryable: true },
  timeout: { status: 408, title: 'The request did not arrive in time', retryable: true },
  ambiguous: { status: 409, title: 'More than one record fits', retryable: false },
  drops_messages: { status: 409, title: 'The document lacks messages that are stored', retryable: false },
  exists: { status: 409, title: 'A record of this name exists', retryable: false },
  expired: { status: 409, title: 'The access token has expired', retryable: false },
  fenced: { status: 409, title: 'The lease was taken over', retryable: false },
  incompatible: { status: 409, title: 'The daemon is too old for this client', retryable: false },
  key_exposed: { status: 409, title: 'The root key is open to other users', retryable: false },
  key_locked: { status: 409, title: 'The root key waits for its passphrase', retryable: false },
  key_missing: { status: 409, title: 'The root key is missing', retryable: false },
  key_unreadable: { status: 409, title: 'The root key cannot be read', retryable: false },
  key_wrong: { status: 409, title: 'This is not the root key of this store', retryable: false },
  lease_expired: { status: 409, title: 'The grant is over', retryable: false },
  leased: { status: 409, title: 'Somebody else holds the lease', retryable: false },
  needs_login: { status: 409, title: 'Only a new login can help', retryable: false },
  compacted: { status: 410, title: 'The changes are no longer kept', retryable: false },
  reset: { status: 410, title: 'The cursor belongs to another state of the store', retryable: false },
  stale: { status: 412, title: 'The record has changed since it was read', retryable: false },
  too_large: { status: 413, title: 'The request is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body type is not taken here', retryable: false },
  key_reused: { status: 422, title: 'The idempotency key was used for another request', retryable: false },
  damaged: { status: 422, title: 'The stored record is damaged', retryable: false },
  rate_limited: { status: 429, title: 'Too many requests', retryable: true },
  headers_too_large: { status: 431, title: 'The request headers are too large', retryable: false },
  internal: { status: 500, title: 'The daemon failed', retryable: false },
  busy: { status: 503, title: 'The daemon has too much waiting', retryable: true },
  node_too_old: { status: 503, title: 'The daemon needs a newer Node', retryable: false },
  refresh_failed: { status: 503, title: 'The last refresh failed', retryable: true },
  refreshing: { status: 503, title: 'Another process is refreshing the token', retryable: true },
  shutting_down: { status: 503, title: 'The daemon is stopping', retryable: true },
  storage_failed: { status: 503, title: 'The disk refused a write; its outcome is unknown', retryable: true },
  store_replaced: { status: 503, title: 'The database file is no longer ours', retryable: true },
  unavailable: { status: 503, title: 'The daemon cannot be reached', retryable: true },
  storage_full: { status: 507, title: 'The disk is full', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>;

export type ErrorCode = keyof typeof errorTable;

/** One wrong field: `path` is dotted, empty for the whole input. */
export interface FieldError {
  path: string;
  message: string;
}

/** Who holds a lease. `client` and `pid` are what the holder's process said of itself. */
export interface Holder {
  owner: string;
  since: string;
  expiresAt: string;
  client: string | null;
  pid: number | null;
}

export interface ErrorDetails {
  /** Wrong fields, for `invalid_input`. */
  errors?: FieldError[] | undefined;
  /** The revision, or the head of a session, that a `stale` call should have named. */
  current?: string | number | undefined;
  /** The generation of a session, where the call named another one. */
  generation?: number | undefined;
  /** Who holds the lease, for `leased` and `fenced`. */
  holder?: Holder | undefined;
  /** The ids that fit, for `ambiguous`: the first ones. */
  candidates?: string[] | undefined;
  /** The secret that cannot be read, for `damaged`. */
  field?: string | undefined;
  /** The call of an atomic batch that failed, counted from 0. */
  index?: number | undefined;
  /** The position to go on after: of `compacted`, the oldest whose successors are all kept; of `damaged`, of the last change that cannot be read. */
  floor?: string | undefined;
  /** Seconds after which a retry makes sense. */
  retryAfter?: number;
}

/** The one error class: thrown by operations in the daemon and by the client to its application. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly status: number;
  readonly retryable: boolean;
  /** The daemon's request id, for finding its log line. */
  readonly requestId: string | undefined;

  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    detail: string,
    details: ErrorDetails = {},
    options: { cause?: unknown; requestId?: string | undefined; status?: number; retryable?: boolean } = {},
  ) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.details = details;
    this.status = options.status ?? errorTable[code].status;
    this.retryable = options.retryable ?? errorTable[code].retryable;
    this.requestId = options.requestId;
  }
}

/** The error for one wrong field: `message` continues the sentence that its path begins. */
export const invalidField = (path: string, message: string): HoldfastError =>
  new HoldfastError('invalid_input', `${path} ${message}.`, { errors: [{ path, message }] });

/** The wire form of an error: RFC 9457 problem details, sent as `application/problem+json`; schema in problem.ts. */
export interface Problem extends ErrorDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  requestId: string;
}

/** The problem document of an error. */
export function toProblem(error: HoldfastError, requestId: string): Problem {
  const { status, title, retryable } = errorTable[error.code];
  return {
    type: `urn:holdfast:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    retryable,
    requestId,
    ...carried(error.details),
  };
}

/** The details that travel in the problem document; the rest of them is a header. */
function carried({ errors, current, generation, holder, candidates, field, index, floor }: ErrorDetails): ErrorDetails {
  const all = Object.entries({ errors, current, generation, holder, candidates, field, index, floor });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

/** The error of a problem document; one whose code this side does not know keeps its status and `retryable`. */
export function fromProblem(problem: Problem): HoldfastError {
  const known = Object.hasOwn(errorTable, problem.code);
  const fallback: ErrorCode = problem.retryable ? 'busy' : problem.status >= 500 ? 'internal' : 'invalid_input';
  return new HoldfastError(known ? (problem.code as ErrorCode) : fallback, problem.detail, carried(problem), {
    requestId: problem.requestId,
    ...(!known && { status: problem.status, retryable: problem.retryable }),
  });
}
