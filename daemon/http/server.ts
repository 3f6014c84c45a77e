import { isUtf8 } from 'node:buffer';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';
import {
  clientHeader,
  keyHeader,
  protocolHeader,
  requestIdHeader,
  unquote,
  versionHeader,
} from '../../shared/headers.ts';
import type { Operation } from '../../shared/operation.ts';
import { maxBody, protocol, version } from '../../shared/protocol.ts';
import type { Logger } from '../logger.ts';
import type { Store, StoreAnswer } from '../store/store.ts';
import { guard } from './guards.ts';
import { inputReader } from './input.ts';
import { logResponses, noteError } from './log.ts';
import { sendProblem, toHoldfastError } from './problem.ts';
import type { SystemOperations } from './system.ts';

/** Milliseconds for all headers to arrive, for a whole request, and between looks at both. */
const timeouts = { headersTimeout: 5_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000 };

export interface Server {
  listen(socket: string): Promise<void>;
  /** From now on every new request is answered 503; resolves when those under way are answered. */
  drain(): Promise<void>;
  /** Stops listening; connections that are still busy when `timeUp` resolves are cut. */
  close(timeUp: Promise<unknown>): Promise<void>;
}

/** The HTTP server: one loop registers every operation of the contract. */
export function createServer(store: Store, system: SystemOperations, logger: Logger): Server {
  let draining = false;
  let active = 0;
  let drained: (() => void) | undefined;
  const run = crypto.randomUUID().slice(0, 8);
  let requests = 0;

  const app = fastify({
    bodyLimit: maxBody,
    genReqId: () => `${run}-${(++requests).toString(36)}`,
    routerOptions: { maxParamLength: 4096, caseSensitive: true },
    keepAliveTimeout: 300_000,
    requestTimeout: timeouts.requestTimeout,
    http: { ...timeouts, maxHeaderSize: 32 * 1024 },
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseBadRequest,
    frameworkErrors: (error, request, reply) => answerError(error, request as FastifyRequest, reply as FastifyReply),
  });
  app.server.maxConnections = 4096;

  app.addHook('onRequest', async (request, reply) => {
    active += 1;
    reply.headers({ [requestIdHeader]: request.id, [versionHeader]: version, [protocolHeader]: protocol });
    guard(request);
    if (draining && !request.url.startsWith(contract.system.health.path)) {
      reply.header('connection', 'close');
      throw new HoldfastError('shutting_down', 'The daemon is stopping: call again, it may have been started anew.');
    }
  });
  const finished = new WeakSet<FastifyRequest>();
  const finish = (request: FastifyRequest) => {
    if (finished.has(request)) return;
    finished.add(request);
    active -= 1;
    if (draining && active === 0) drained?.();
  };
  app.addHook('onResponse', async (request) => finish(request));
  app.addHook('onRequestAbort', async (request) => finish(request));
  logResponses(app, logger);

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    parseJson(body),
  );
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0];
    answerError(new HoldfastError('unknown_route', `There is no ${request.method} ${path}.`), request, reply);
  });

  for (const [group, operations] of Object.entries(contract) as [string, Record<string, Operation>][]) {
    for (const [verb, operation] of Object.entries(operations)) {
      const own = group === 'system' ? system[verb as keyof SystemOperations] : undefined;
      register(app, store, `${group}.${verb}`, operation, own);
    }
  }

  return {
    listen: async (socket) => {
      await app.listen({ path: socket, backlog: 1024 });
    },
    drain: async () => {
      draining = true;
      if (active > 0) await new Promise<void>((resolve) => (drained = resolve));
    },
    close: async (timeUp) => {
      const closing = app.close();
      await Promise.race([closing, timeUp]);
      app.server.closeAllConnections();
      await closing;
    },
  };
}

function register(
  app: FastifyInstance,
  store: Store,
  name: string,
  operation: Operation,
  own: (() => Promise<StoreAnswer>) | undefined,
): void {
  if (operation.secret || operation.stream || operation.wait) {
    throw new Error(`${name}: the server does not carry secret, stream or wait yet`);
  }
  const read = inputReader(operation);
  app.route({
    method: operation.method,
    // The contract writes `{field}` and means every other colon as it stands.
    url: operation.path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { operation: name },
    handler: async (request, reply) => {
      const input = read(request);
      const ofApp = typeof input['app'] === 'string' ? input['app'] : '';
      const call = { name, operation, app: ofApp, input, ...callerOf(request) };
      const answer = own ? await own() : await store.call(call);
      if (answer.revision !== undefined) reply.header('etag', `"${answer.revision}"`);
      return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.text);
    },
  });
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

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  // Otherwise each invalid byte would be stored as U+FFFD without a word.
  if (!isUtf8(body)) throw new HoldfastError('malformed_json', 'The body is not valid UTF-8.');
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new HoldfastError(
      'malformed_json',
      `The body is not JSON: ${(error as Error).message.replace(/".*"/s, '…')}`,
    );
  }
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = toHoldfastError(error, maxBody);
  noteError(request, known);
  sendProblem(request, reply, known);
}

/** Requests that node:http refuses before Fastify sees them: no headers yet, so the answer is written by hand. */
function refuseBadRequest(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (!socket.writable) return void socket.destroy(error);
  const code =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'headers_too_large'
        : 'invalid_input';
  const known = new HoldfastError(code, code === 'invalid_input' ? 'This is not an HTTP request.' : 'See the title.');
  const body = JSON.stringify({
    type: `urn:holdfast:problem:${code}`,
    status: known.status,
    code,
    detail: known.message,
  });
  socket.end(
    `HTTP/1.1 ${known.status} Refused\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
