import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { clientHeader, keyHeader, unquote } from '../../shared/headers.ts';
import type { Operation } from '../../shared/operation.ts';
import type { Store, StoreCall } from '../store/store.ts';
import { inputReader } from './input.ts';
import { sendStream } from './stream.ts';
import type { SystemOperations } from './system.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `feeds.put` */
    operation?: string;
  }
}

/** What the routes need of the server. */
export interface Services {
  store: Store;
  system: SystemOperations;
  /** Aborted when the daemon begins to stop. */
  stopping: AbortSignal;
}

interface Named {
  name: string;
  operation: Operation;
}

type Answer = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/** The one loop: every operation of the contract becomes a route, or the second answer of one that it shares. */
export function registerOperations(app: FastifyInstance, services: Services): void {
  const operations = Object.entries(contract).flatMap(([group, verbs]) =>
    Object.entries(verbs as Record<string, Operation>).map(([verb, operation]): Named => ({
      name: `${group}.${verb}`,
      operation,
    })),
  );
  for (const shared of Map.groupBy(operations, ({ operation }) => `${operation.method} ${operation.path}`).values()) {
    register(app, services, shared);
  }
}

function register(app: FastifyInstance, services: Services, named: Named[]): void {
  const stream = named.find(({ operation }) => operation.stream !== undefined);
  const plain = named.find(({ operation }) => operation.stream === undefined);
  const first = plain ?? stream;
  if (!first) return;
  const { name, operation } = first;
  if (named.length > 2 || (named.length === 2 && !(stream && plain))) throw new Error(`${name} shares its path`);
  const answer = plain && answering(plain, services);
  const streamed = stream && streaming(stream, services);
  const types = new Set(Object.values(stream?.operation.produces ?? {}));
  app.route({
    method: operation.method,
    // The contract writes `{field}` and means every other colon as it stands.
    url: operation.path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { operation: name },
    handler: (request, reply) => {
      const chosen = streamed && (!answer || prefers(request.headers.accept ?? '', types)) ? streamed : answer;
      if (!chosen) throw new Error(`${name} has no answer`);
      return chosen(request, reply);
    },
  });
}

/** Whether an Accept header names one of `types`, and nothing that JSON would fit with more weight. */
function prefers(accept: string, types: Set<string>): boolean {
  const weighed = accept.split(',').map((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return { type, q: Number(parameters.find((text) => /^q\s*=/.test(text))?.split('=')[1] ?? 1) };
  });
  const weightOf = (fits: (type: string) => boolean) => weighed.find(({ type }) => fits(type))?.q ?? 0;
  const json = ['application/json', 'application/*', '*/*'].find((type) => weighed.some((one) => one.type === type));
  const asked = weightOf((type) => types.has(type));
  return asked > 0 && asked >= weightOf((type) => type === json);
}

function answering({ name, operation }: Named, { store, system }: Services): Answer {
  const [group, verb] = name.split('.');
  const own = group === 'system' ? system[verb as keyof SystemOperations] : undefined;
  const callOf = callReader(name, operation);
  return async (request, reply) => {
    const call = callOf(request);
    const answer = own ? await own() : await store.call(call);
    if (answer.revision !== undefined) reply.header('etag', `"${answer.revision}"`);
    return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.text);
  };
}

function streaming({ name, operation }: Named, { store, stopping }: Services): Answer {
  if (operation.stream !== 'out' || !operation.produces) throw new Error(`${name}: only answers are streamed yet`);
  const { produces } = operation;
  const callOf = callReader(name, operation);
  return async (request, reply) => {
    const call = callOf(request);
    const { format = Object.keys(produces)[0] } = call.input as { format?: string };
    return sendStream(request, reply, produces[format ?? ''] ?? '', store.stream(call), stopping);
  };
}

function callReader(name: string, operation: Operation): (request: FastifyRequest) => StoreCall {
  if (operation.secret || operation.wait) throw new Error(`${name}: the server does not carry secret or wait yet`);
  const read = inputReader(operation);
  return (request) => {
    const input = read(request);
    const ofApp = typeof input['app'] === 'string' ? input['app'] : '';
    return { name, operation, app: ofApp, input, ...callerOf(request) };
  };
}

/** What a request says of itself, in headers. */
function callerOf(request: FastifyRequest) {
  const key = request.headers[keyHeader];
  const client = request.headers[clientHeader];
  const text = typeof key === 'string' ? unquote(key) : null;
  if (text !== null && (text.length === 0 || text.length > 200)) {
    throw new HoldfastError('invalid_input', `The header ${keyHeader} must have 1 to 200 characters.`);
  }
  const [, name, pid] = /^([\w.@/-]{1,100})(?:; pid=(\d{1,10}))?$/.exec(typeof client === 'string' ? client : '') ?? [];
  return { requestId: request.id, key: text, client: name ?? null, pid: pid === undefined ? null : Number(pid) };
}
