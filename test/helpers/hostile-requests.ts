import * as fc from 'fast-check';
import * as z from 'zod';
import { contract } from '../../shared/contract.ts';
import { fieldsTravelIn, pathFields, type Operation } from '../../shared/operation.ts';
import { nearlyJson, nearlyPath, objectOf, type Schema } from './hostile-values.ts';

/** One request, and the operation that it was made from. */
export interface HostileRequest {
  name: string;
  /** What makes it wrong, perhaps; empty when it is as the contract says. */
  twist: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}
/** The input of an operation as texts, so that they can be what no value is. */
interface Draft {
  path: Map<string, string>;
  query: [string, string][];
  body: [string, string][];
}
type Twist = (request: HostileRequest, draft: Draft, operation: Operation) => HostileRequest;

// The daemon is still needed; and a batch is made of the others.
const { batch, ...groups } = contract;
const operations = Object.entries(groups).flatMap(([group, verbs]) =>
  Object.entries(verbs as Record<string, Operation>)
    .map(([verb, operation]): [string, Operation] => [`${group}.${verb}`, operation])
    .filter(([name]) => name !== 'system.shutdown'),
);
const schemaOf = (operation: Operation) =>
  z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as Schema;

/** Calls that a batch takes, and some that it does not. */
const calls = fc.array(
  fc.oneof(
    ...operations.map(([op, operation]) =>
      objectOf(schemaOf(operation)).map(({ app, ...input }) => ({ op, ...(app !== undefined && { app }), input })),
    ),
  ),
  { minLength: 1, maxLength: 5 },
);
/** Which fields a kind of credential has is what its schema does not say. */
const fitting = ({
  kind,
  apiKey = 'k',
  accessToken,
  refreshToken = 'r',
  expiresAt,
  ...rest
}: Record<string, unknown>) =>
  kind === 'api-key' ? { ...rest, kind, apiKey } : { ...rest, kind, accessToken, refreshToken, expiresAt };
const inputs: [string, Operation, fc.Arbitrary<Record<string, unknown>>][] = [
  ...operations.map(([name, one]): (typeof inputs)[number] => [
    name,
    one,
    name === 'auth.put' ? objectOf(schemaOf(one)).map(fitting) : objectOf(schemaOf(one)),
  ]),
  ['batch.run', batch.run, fc.record({ atomic: fc.boolean(), calls }, { requiredKeys: ['calls'] })],
];

const escape = (value: unknown) => encodeURIComponent(String(value).toWellFormed());

function draftOf(operation: Operation, input: Record<string, unknown>): Draft {
  const draft: Draft = { path: new Map(), query: [], body: [] };
  const inPath = pathFields(operation.path);
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (inPath.includes(name)) draft.path.set(name, escape(value));
    else if (fieldsTravelIn(operation) === 'body') draft.body.push([name, JSON.stringify(value)]);
    else draft.query.push(...[value].flat().map((one): [string, string] => [name, escape(one)]));
  }
  return draft;
}

function render(request: HostileRequest, { path, query, body }: Draft, operation: Operation): HostileRequest {
  const place = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => path.get(name) ?? '');
  const asked = query.map((pair) => pair.join('=')).join('&');
  const text = `{${body.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  const inBody = fieldsTravelIn(operation) === 'body';
  return { ...request, path: asked === '' ? place : `${place}?${asked}`, body: inBody ? text : undefined };
}

/** Every twist of a field: it is given as `text`, twice, or not at all. */
const twistField = fc
  .tuple(fc.nat(), nearlyJson, nearlyPath, fc.constantFrom('replaced', 'twice', 'missing', 'unknown', '__proto__'))
  .map(([nth, json, inUrl, how]): Twist => (request, { path, query, body }, operation) => {
    const draft = { path: new Map(path), query: [...query], body: [...body] };
    const target = [...path.keys(), ...(fieldsTravelIn(operation) === 'body' ? body : query).map(([name]) => name)];
    const name = how === 'unknown' || how === '__proto__' ? how : (target[nth % Math.max(1, target.length)] ?? 'none');
    // Without it a call would wait for as long as the daemon likes.
    if (name === 'waitMs') return request;
    const twist = `${name} ${how}: ${json.slice(0, 60)} ${inUrl.slice(0, 60)}`;
    if (path.has(name)) draft.path.set(name, how === 'missing' ? '' : inUrl);
    else {
      const [list, text] = fieldsTravelIn(operation) === 'body' ? [draft.body, json] : [draft.query, inUrl];
      const at = list.findIndex(([known]) => known === name);
      if (how === 'missing') list.splice(at, at === -1 ? 0 : 1);
      else list.splice(at === -1 ? 0 : at, at === -1 || how === 'twice' ? 0 : 1, [name, text]);
    }
    return { ...render(request, draft, operation), twist };
  });

const headers: Record<string, string[]> = {
  'content-type': [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json;',
    '*/*',
    'a'.repeat(900),
  ],
  'content-encoding': ['gzip', 'br', 'identity', 'identity, gzip', 'x'],
  accept: ['application/x-ndjson', 'text/html', '*/*;q=0', 'application/json;q=NaN, application/x-ndjson;q=2', ',,;;='],
  'if-match': ['"x.1"', '*', 'W/"x"', '"', '""', 'x'.repeat(100)],
  'if-none-match': ['*', '"x"', ' * ', '*, *'],
  'idempotency-key': ['k', '"k"', '', '""', 'x'.repeat(201), 'é', 'k k'],
  'holdfast-client': ['x', 'x; pid=0', 'x; pid=99999999999', '"', 'é'.repeat(50), 'a/b; pid=1; pid=2'],
  'last-event-id': ['0', '1', 'x', 'x.1', '-1', '1e3', 'x'.repeat(70)],
  origin: ['null', 'http://localhost', ''],
  referer: ['http://localhost/', ''],
  host: ['evil.example', 'localhost:80', 'LOCALHOST', ''],
  expect: ['100-continue', 'x'],
  range: ['bytes=0-1', 'x'],
  upgrade: ['websocket', 'h2c'],
  'x-http-method-override': ['DELETE'],
};
const twistHeader = fc
  .constantFrom(
    ...Object.entries(headers).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])),
  )
  .map(([name, value]): Twist => (request) => ({
    ...request,
    headers: { ...request.headers, [name]: value },
    twist: `${name}: ${value.slice(0, 60)}`,
  }));
const twistMethod = fc
  .constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY')
  .map((method): Twist => (request) => ({ ...request, method, twist: `method ${method}` }));
/** Of the whole text: ends too early, goes on, or begins with what is no JSON; or it is where none belongs. */
const twistBody = fc
  .tuple(
    fc.constantFrom('cut', '{}{}', '\ufeff{}', '[]', '7', '"x"', 'null', ' ', '{"a":1}', '{"__proto__":1}'),
    fc.nat(),
  )
  .map(([how, at]): Twist => (request) => {
    const cut = request.body?.slice(0, at % (request.body.length + 1));
    return { ...request, body: how === 'cut' ? cut : how, twist: `body ${how}` };
  });
const twistPath = fc.tuple(nearlyPath, fc.boolean()).map(([text, query]): Twist => (request) => {
  const path = query ? `${request.path}${request.path.includes('?') ? '&' : '?'}${text}` : `${request.path}/${text}`;
  return { ...request, path, twist: `path ${path.slice(-60)}` };
});
const twist = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Twist>((request) => request) },
  { weight: 8, arbitrary: twistField },
  { weight: 3, arbitrary: twistHeader },
  { weight: 1, arbitrary: twistMethod },
  { weight: 1, arbitrary: twistBody },
  { weight: 1, arbitrary: twistPath },
);

/** A request of the contract, as it says or nearly so. */
export const hostileRequest: fc.Arbitrary<HostileRequest> = fc.oneof(
  ...inputs.map(([name, operation, input]) => ({
    // Each stretches a passphrase or wraps every key, which takes long and tells no more the thousandth time.
    weight: name.startsWith('keys.') ? 1 : 20,
    arbitrary: fc.tuple(input, twist).map(([fields, change]) => {
      const draft = draftOf(operation, fields);
      const type: Record<string, string> =
        fieldsTravelIn(operation) === 'body' ? { 'content-type': 'application/json' } : {};
      const plain = { name, twist: '', method: operation.method, path: '', headers: type, body: undefined };
      return change(render(plain, draft, operation), draft, operation);
    }),
  })),
);
