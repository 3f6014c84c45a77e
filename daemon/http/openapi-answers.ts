import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import { protocolHeader, requestIdHeader, versionHeader } from '../../shared/headers.ts';
import { fieldsTravelIn, pathFields, type Operation } from '../../shared/operation.ts';

type Schema = Record<string, unknown>;

/** What an operation is, as far as its problems depend on it. */
interface Facts {
  name: string;
  operation: Operation;
  has: (...fields: string[]) => boolean;
  /** It takes or answers a secret, so it needs the root key. */
  secret: boolean;
  body: boolean;
}

const keyFaults = ['key_exposed', 'key_locked', 'key_missing', 'key_unreadable', 'key_wrong'] as const;

/** The codes that an operation can be refused with, by what its descriptor says. What reads a request can refuse any. */
const problems: [codes: readonly ErrorCode[], when: (facts: Facts) => boolean][] = [
  [['invalid_input', 'forbidden_origin', 'timeout', 'unsupported_media_type', 'headers_too_large'], () => true],
  [['restricted', 'rate_limited'], () => true],
  [['internal', 'busy', 'shutting_down', 'damaged', 'storage_failed'], () => true],
  [['malformed_json', 'too_large'], ({ body }) => body],
  [['key_reused', 'too_large', 'storage_full', 'store_replaced'], ({ operation }) => operation.kind === 'write'],
  [['not_found'], ({ operation, has }) => pathFields(operation.path).length > 1 || has('prefix', 'session', 'calls')],
  [['ambiguous'], ({ has }) => has('prefix', 'calls')],
  [['exists'], ({ operation, has }) => has('ifAbsent', 'to', 'calls') || (operation.statuses ?? []).includes(201)],
  [['exists'], ({ name }) => name === 'sessions.restore'],
  [['stale'], ({ has }) => has('expectedRevision', 'expectedHead', 'expectedGeneration', 'calls')],
  [['drops_messages'], ({ has }) => has('allowShrink', 'calls')],
  [
    ['leased', 'fenced'],
    ({ name, has }) => (has('lease') && !name.startsWith('auth.')) || has('force', 'token', 'claim', 'calls'),
  ],
  [['reset'], ({ has }) => has('cursor', 'calls')],
  [['reset', 'compacted'], ({ name }) => name === 'changes.stream'],
  [['slow_reader'], ({ operation }) => Object.values(operation.produces ?? {}).includes('text/event-stream')],
  [keyFaults, ({ secret, has }) => secret || has('calls')],
  [keyFaults, ({ name }) => name === 'keys.rotate' || name === 'auth.restore'],
  [['storage_full', 'exists'], ({ name }) => name.startsWith('keys.')],
  [['expired', 'needs_login', 'refresh_failed'], ({ has }) => has('minValidMs')],
  [['leased'], ({ name }) => name === 'queues.remove'],
  [['refreshing'], ({ name }) => name === 'auth.refresh'],
  [['lease_expired'], ({ name, has }) => (name.startsWith('auth.') && has('lease')) || has('calls')],
];

const headers = {
  [requestIdHeader]: {
    description: 'Finds the line of the call in the log',
    required: true,
    schema: { type: 'string' },
  },
  [versionHeader]: { description: 'Version of the daemon', required: true, schema: { type: 'string' } },
  [protocolHeader]: { description: 'Version of its protocol', required: true, schema: { type: 'integer' } },
  etag: {
    description: 'The revision, quoted: send it back as If-Match',
    required: true,
    schema: { type: 'string' },
  },
  'cache-control': { description: 'The answer holds a secret', required: true, schema: { const: 'no-store' } },
  'retry-after': {
    description: 'Seconds after which to call again, where `retryable` is true',
    required: false,
    schema: { type: 'integer' },
  },
};
type HeaderName = keyof typeof headers;
const always: HeaderName[] = [requestIdHeader, versionHeader, protocolHeader];
const headersOf = (...more: HeaderName[]): Schema =>
  Object.fromEntries([...always, ...more].map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** How to read an answer that is a stream: what it consists of, and how it ends. */
const streams: Record<string, string> = {
  'application/x-ndjson':
    'As NDJSON: a JSON document of this schema in each line. It is whole when its last line has `end`; after a fault the last line has `problem`.',
  'text/event-stream':
    'As server-sent events: `change`, whose data is JSON of this schema and whose id is its position; `problem`, whose data is a problem document, is the last one. Lines that begin with a colon keep the connection.',
};

/** The answers of an operation, by status: `content` maps its media types to schemas. Problems it shares with others are in `shared`. */
export function answersOf(facts: Facts, content: Schema, output: Schema, shared: Schema): Schema {
  const { operation } = facts;
  const told = Object.keys(content).flatMap((type) => streams[type] ?? []);
  const hasRevision = Object.hasOwn(output['properties'] ?? {}, 'revision');
  const done = {
    description: ['Done', ...told].join('. '),
    headers: headersOf(
      ...(hasRevision ? (['etag'] as const) : []),
      ...(operation.secret ? (['cache-control'] as const) : []),
    ),
    content,
  };
  const answers = (operation.statuses ?? [200]).map((status) => [String(status), done] as const);
  const derived = problems.flatMap(([some, when]) => (when(facts) ? some : []));
  const codes = new Set([...derived, ...(operation.problems ?? [])]);
  const refused = Map.groupBy([...codes].toSorted(), (code) => errorTable[code].status);
  const refusals = [...refused].map(([status, some]) => {
    const name = some.join('.');
    shared[name] ??= refusal(some);
    return [String(status), { $ref: `#/components/responses/${name}` }] as const;
  });
  return Object.fromEntries([...answers, ...refusals].toSorted(([a], [b]) => a.localeCompare(b)));
}

/** The answer of one status that refuses with one of these codes. */
function refusal(codes: ErrorCode[]): Schema {
  const titles = codes.map((code) => `\`${code}\`: ${errorTable[code].title}.`);
  const code = { properties: { code: { enum: codes } }, required: ['code'] };
  const retryable = codes.some((one) => errorTable[one].retryable);
  return {
    description: titles.join(' '),
    headers: headersOf(...(retryable ? (['retry-after'] as const) : [])),
    content: { 'application/problem+json': { schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, code] } } },
  };
}

/** The headers that answers refer to. */
export const answerHeaders: Schema = headers;

/** What of an operation its problems depend on. */
export function factsOf(name: string, operation: Operation, secret: boolean): Facts {
  const has = (...fields: string[]) => fields.some((field) => Object.hasOwn(operation.input.shape, field));
  return { name, operation, has, secret, body: fieldsTravelIn(operation) === 'body' };
}
