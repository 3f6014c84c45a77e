import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { clientHeader, keyHeader, unquote } from '../../shared/headers.ts';
import type { Operation } from '../../shared/operation.ts';
import { secretMapper } from '../../shared/secret.ts';
import type { Store, StoreCall } from '../store/store.ts';
import { protect } from '../redact.ts';
import { inputReader } from './input.ts';
import { mapBatchSecrets, type BatchOperations } from './batch.ts';
import type { ChangeOperations } from './changes.ts';
import type { KeyOperations } from './keys.ts';
import { checkRestricted, holdStream, isRestricted } from './restricted.ts';
import { sendStream } from './stream.ts';
import type { SystemOperations } from './system.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `feeds.put` */
    operation?: string;
    /** Its calls may take long, and that is no fault. */
    waits?: boolean;
  }
}

/** The operations of the daemon itself, which need more than the store. */
export interface OwnOperations {
  system: SystemOperations;
  keys: KeyOperations;
  batch: BatchOperations;
  changes: ChangeOperations;
}

/** What the routes need of the server. */
export interface Services {
  store: Store;
  own: OwnOperations;
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
    ...(operation.maxBody !== undefined && { bodyLimit: operation.maxBody }),
    config: { operation: name, waits: operation.wait ?? false },
    onRequest: async (request) => {
      if (isRestricted(request)) for (const one of named) checkRestricted(one.name, one.operation);
    },
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

function answering({ name, operation }: Named, services: Services): Answer {
  const ofDaemon = ownOf(name, services) as Store['call'] | undefined;
  const answerOf = ofDaemon ?? ((call: StoreCall) => services.store.call(call));
  const callOf = callReader(name, operation);
  const [type = 'application/json; charset=utf-8'] = Object.values(operation.produces ?? {});
  return async (request, reply) => {
    const call = callOf(request, reply);
    const signal = operation.wait ? gone(reply, services.stopping) : undefined;
    if (signal) await stillThere(request);
    const answer = await answerOf({ ...call, signal });
    if (answer.revision !== undefined) reply.header('etag', `"${answer.revision}"`);
    if (operation.secret) reply.header('cache-control', 'no-store');
    return reply.code(answer.status).type(type).send(answer.text);
  };
}

/** What the daemon itself does for an operation that is not the store's. */
function ownOf(name: string, { own }: Services): unknown {
  const [group = '', verb = ''] = name.split('.');
  return (own as unknown as Record<string, Record<string, unknown>>)[group]?.[verb];
}

/**
 * Throws when the caller has hung up already. A daemon that was suspended finds a call and its end at once, one turn after
 * the other, and what is given to nobody is kept from all others for a while.
 */
async function stillThere({ raw }: FastifyRequest): Promise<void> {
  for (let turn = 1; turn <= 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (raw.socket.destroyed) throw new HoldfastError('timeout', 'The caller hung up before it was answered.');
}

/** Aborted when the caller is gone or the daemon begins to stop. */
function gone(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const closed = new AbortController();
  reply.raw.once('close', () => closed.abort());
  return AbortSignal.any([closed.signal, stopping]);
}

function streaming({ name, operation }: Named, services: Services): Answer {
  const { store, stopping } = services;
  if (operation.stream !== 'out' || !operation.produces) throw new Error(`${name}: only answers are streamed yet`);
  const { produces } = operation;
  const callOf = callReader(name, operation);
  const ofDaemon = ownOf(name, services) as Store['stream'] | undefined;
  const stepsOf = ofDaemon ?? ((call: StoreCall) => store.stream(call));
  return async (request, reply) => {
    const call = { ...callOf(request, reply), signal: gone(reply, stopping) };
    holdStream(request, reply);
    const { format = Object.keys(produces)[0] } = call.input as { format?: string };
    return sendStream(request, reply, produces[format ?? ''] ?? '', stepsOf(call), stopping);
  };
}

type CallReader = (request: FastifyRequest, reply: FastifyReply) => StoreCall;

function callReader(name: string, operation: Operation): CallReader {
  const make = () => ({
    read: inputReader(operation),
    mapSecrets: name === 'batch.run' ? mapBatchSecrets : secretMapper(operation.input, 'input'),
  });
  // Made by the first call: made for every operation, they would be a seventh of a start's work.
  let made: ReturnType<typeof make> | undefined;
  return (request, reply) => {
    const { read, mapSecrets } = (made ??= make());
    const secrets: string[] = [];
    // Of the body as it came: what is refused must not be quoted either.
    mapSecrets?.(request.body, (secret) => (secrets.push(secret), secret));
    if (secrets.length > 0) reply.raw.once('close', protect(secrets));
    const input = read(request);
    const restricted = isRestricted(request);
    if (restricted) checkRestricted(name, operation, input);
    const ofApp = typeof input['app'] === 'string' ? input['app'] : '';
    const secretInput = secrets.length > 0;
    const of = { name, operation, app: ofApp, input, secretInput, restricted, signal: undefined };
    return { ...of, ...callerOf(request) };
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
