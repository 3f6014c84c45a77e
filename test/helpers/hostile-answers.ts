import { contract } from '../../shared/contract.ts';
import { errorTable, type ErrorCode } from '../../shared/errors.ts';
import type { Operation } from '../../shared/operation.ts';
import { problemSchema } from '../../shared/problem.ts';
import { curl } from './curl.ts';
import type { HostileRequest } from './hostile-requests.ts';
import { linesOf, open, rest } from './streams.ts';

export interface HostileAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}
interface Described {
  responses: Record<string, { $ref?: string; content?: Record<string, unknown> }>;
}
/** The part of /v1/openapi.json that says what is answered. */
export interface Document {
  paths: Record<string, Record<string, Described>>;
}

const hangMs = 60_000;

/** Asks, and reads the whole answer; of an endless one its head. Throws when there is none. */
export async function ask(socket: string, request: HostileRequest): Promise<HostileAnswer> {
  const { method, path, body } = request;
  // node:http gives a body of a HEAD no length, and its next request would begin with it.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const headers = { ...request.headers, ...length };
  const answer = path.startsWith(contract.changes.stream.path) && method === 'GET' ? askEvents : undefined;
  const outcome = await Promise.race([
    answer ? answer(socket, request) : curl(socket, method, path, { headers, ...(body !== undefined && { body }) }),
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), hangMs).unref()),
  ]);
  if (!outcome) throw new Error(`no answer in ${hangMs} ms`);
  return outcome;
}

async function askEvents(socket: string, { path, headers }: HostileRequest): Promise<HostileAnswer> {
  const response = await open(socket, path, headers);
  const { statusCode: status = 0, headers: told } = response;
  if (status !== 200) return { status, headers: told, text: (await rest(response)).text };
  response.destroy();
  return { status, headers: told, text: '' };
}

/** What is not right about an answer, by what the contract and its document say; undefined when all is. */
export function flawOf(request: HostileRequest, answer: HostileAnswer, document: Document): string | undefined {
  const { status, headers, text } = answer;
  const missing = ['x-request-id', 'holdfast-version', 'holdfast-protocol'].filter((name) => !headers[name]);
  if (missing.length > 0) return `has no ${missing.join(', ')}`;
  if (request.method === 'HEAD') return status < 500 ? undefined : 'is a failure';
  if (status < 400) return flawOfSuccess(request, answer, document);
  if (typeOf(answer) !== 'application/problem+json') return `is a ${typeOf(answer)}`;
  const { data: problem, error } = problemSchema.safeParse(JSON.parse(text));
  if (!problem) return `is no problem document: ${error.message}`;
  const known = Object.hasOwn(errorTable, problem.code) ? errorTable[problem.code as ErrorCode] : undefined;
  if (known?.status !== status || problem.status !== status) return 'has a status that does not fit its code';
  if (known.retryable !== (headers['retry-after'] !== undefined)) return 'has a Retry-After that does not fit its code';
  if (problem.requestId !== headers['x-request-id']) return 'has two request ids';
  if (status >= 500 && !known.retryable) return 'is a failure';
  // The store has all it needs here: none of these can be true.
  if (/^storage_|^store_|^key_(?!reused)|^shutting|^damaged/.test(problem.code)) return 'tells of a fault that is none';
  const codes = codesOf(request, document).get(status);
  if (codes && !codes.includes(problem.code)) return `is not in the document, which has ${codes.join(', ')}`;
  return undefined;
}

/** Whether the request is still one of the operation that it was made from. */
const isOfItsOperation = ({ name, method, path }: HostileRequest) => {
  const operation = operationOf(name);
  const steps = operation.path.split('/');
  const asked = (path.split('?')[0] ?? '').split('/');
  const same = steps.length === asked.length && steps.every((step, at) => step.startsWith('{') || step === asked[at]);
  return method === operation.method && same;
};
function operationOf(name: string): Operation {
  const [group = '', verb = ''] = name.split('.');
  const operation = (contract as unknown as Record<string, Record<string, Operation>>)[group]?.[verb];
  if (!operation) throw new Error(`${name} is no operation`);
  return operation;
}

/** The codes that an operation may be refused with, by status; nothing where the request became that of no one knows which. */
function codesOf(request: HostileRequest, { paths }: Document): Map<number, string[]> {
  if (!isOfItsOperation(request)) return new Map();
  const { path, method } = operationOf(request.name);
  const responses = paths[path]?.[method.toLowerCase()]?.responses ?? {};
  const refusals = Object.entries(responses).filter(([status]) => Number(status) >= 400);
  const codes = refusals.map(([status, { $ref = '' }]): [number, string[]] => [
    Number(status),
    $ref.replace('#/components/responses/', '').split('.'),
  ]);
  // What no operation answers: its path is none, or it was refused for what it is not.
  const all = new Map(codes);
  all.set(404, [...(all.get(404) ?? []), 'unknown_route']);
  return new Map(
    [400, 403, 404, 408, 409, 410, 412, 413, 415, 422, 431, 503, 507].map((one) => [one, all.get(one) ?? []]),
  );
}

function flawOfSuccess(request: HostileRequest, answer: HostileAnswer, { paths }: Document): string | undefined {
  if (!isOfItsOperation(request)) return undefined;
  const operation = operationOf(request.name);
  const { status, text } = answer;
  const { content = {} } = paths[operation.path]?.[operation.method.toLowerCase()]?.responses[status] ?? {};
  const type = typeOf(answer);
  const types = Object.keys(content).map(plainType);
  if (!types.includes(type)) return `is a ${type}, and the document has ${types.join(', ')}`;
  if (type === 'application/json' && !operation.stream) {
    return operation.output.safeParse(JSON.parse(text)).error?.message;
  }
  if (type !== 'application/x-ndjson') return undefined;
  const last = linesOf(text).at(-1);
  return last && ('end' in last || 'problem' in last) ? undefined : 'is cut';
}

const plainType = (type: string) => type.replace('; charset=utf-8', '');
const typeOf = ({ headers }: HostileAnswer) => plainType(String(headers['content-type']));
