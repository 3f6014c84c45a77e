import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { protocolHeader, requestIdHeader, versionHeader } from '../../shared/headers.ts';
import type { Paths } from '../../shared/paths.ts';
import { maxBody, protocol, version } from '../../shared/protocol.ts';
import type { Logger } from '../logger.ts';
import type { Counters, Outcome } from '../metrics/counters.ts';
import { bind, listenOn, type SocketName } from '../socket.ts';
import type { Store } from '../store/store.ts';
import { acceptJson } from './body.ts';
import { boundConnections, maxActive } from './connections.ts';
import { guard } from './guards.ts';
import { errorOf, logRefusal, logResponses, noteError } from './log.ts';
import { badRequest, fromFastify, problemText, sendProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import { checkLimits, restrictedServer } from './restricted.ts';
import { registerOperations, type Services } from './routes.ts';

/** Milliseconds for all headers to arrive, for a whole request, and between looks at both. */
const timeouts = { headersTimeout: 5_000, requestTimeout: 20_000, connectionsCheckingInterval: 5_000 };

/** How long nobody may have called, in milliseconds, before connections that are on their way are given up. */
const lingerMs = 50;
/** How often that is waited for. */
const maxLingers = 10;

/** Connections that wait to be accepted. */
const backlog = 1024;

export interface Server {
  listen(paths: Paths): Promise<void>;
  /** Listens anew after a socket was removed; connections that are open stay. */
  listenAgain(paths: Paths, name: SocketName): Promise<void>;
  /** From now on every new request is answered 503; resolves when those under way are answered. */
  drain(): Promise<void>;
  /** Resolves when nobody calls any more: who has just connected, or goes on with a connection, is still answered 503. */
  quiet(): Promise<void>;
  /** Stops listening; connections that are still busy when `timeUp` resolves are cut. */
  close(timeUp: Promise<unknown>): Promise<void>;
}

const headersOf = (id: string) => ({ [requestIdHeader]: id, [versionHeader]: version, [protocolHeader]: protocol });

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = fromFastify(error, request.routeOptions.bodyLimit ?? maxBody);
  noteError(request, known);
  return sendProblem(request, reply, known);
}

/** The HTTP server over a store. Requests are counted, so that a stop can wait for those under way. */
export function createServer(store: Store, own: Services['own'], counters: Counters, logger: Logger): Server {
  let draining = false;
  const stopping = new AbortController();
  let active = 0;
  let drained: (() => void) | undefined;
  const run = crypto.randomUUID().slice(0, 8);
  let requests = 0;
  const nextId = () => `${run}-${(++requests).toString(36)}`;

  /** Requests that node:http refuses before Fastify sees them: the answer is written by hand. */
  const refuseUnread = (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable) return void socket.destroy(error);
    const known = badRequest(error);
    const id = nextId();
    const body = problemText(known, id);
    const headers = { ...headersOf(id), 'content-type': 'application/problem+json', connection: 'close' };
    const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body) }).map((pair) =>
      pair.join(': '),
    );
    socket.end(`HTTP/1.1 ${known.status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    counters.answered('none', known.code, undefined);
    logRefusal(logger, id, known);
  };

  const app = fastify({
    bodyLimit: maxBody,
    genReqId: nextId,
    routerOptions: { maxParamLength: 4096, caseSensitive: true, querystringParser: parseQuery },
    keepAliveTimeout: 300_000,
    requestTimeout: timeouts.requestTimeout,
    http: { ...timeouts, maxHeaderSize: 32 * 1024, requireHostHeader: false },
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseUnread,
    // No hook runs for these.
    frameworkErrors: (error, request, reply) => {
      const known = fromFastify(error, maxBody);
      void reply.headers(headersOf(request.id));
      counters.answered('none', known.code, undefined);
      logRefusal(logger, request.id, known);
      sendProblem(request, reply, known);
    },
  });
  boundConnections(app.server);
  // An expectation that is not known is ignored (RFC 9110, 10.1.1): node:http would answer 417 without a word.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));

  app.addHook('onRequest', async (request, reply) => {
    counters.underWay((active += 1));
    // Of every request: onRequestAbort is silent when the body was read before the caller hung up, and onResponse then too.
    reply.raw.once('close', () => finish(request, 'aborted', undefined));
    reply.headers(headersOf(request.id));
    guard(request);
    checkLimits(request, reply);
    if (request.url.startsWith(contract.system.health.path)) return;
    if (draining) {
      throw new HoldfastError('shutting_down', 'The daemon is stopping: call again, it may have been started anew.');
    }
    if (active > maxActive) throw new HoldfastError('busy', `${maxActive} requests are under way: call again.`);
  });
  // Whoever goes on with this connection could be cut off with its next request under way.
  app.addHook('onSend', async (_, reply) => {
    if (draining) reply.header('connection', 'close');
  });
  const finished = new WeakSet<FastifyRequest>();
  const finish = (request: FastifyRequest, outcome: Outcome, ms: number | undefined) => {
    if (finished.has(request)) return;
    finished.add(request);
    counters.answered(request.routeOptions.config.operation ?? 'none', errorOf(request)?.code ?? outcome, ms);
    counters.underWay((active -= 1));
    if (draining && active === 0) drained?.();
  };
  app.addHook('onResponse', async (request, reply) => finish(request, 'ok', reply.elapsedTime));

  logResponses(app, logger);
  acceptJson(app);
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    // Its path is not quoted: it may be anything, a secret too.
    const detail = `No operation is a ${request.method} of this path: see ${contract.system.openapi.path}.`;
    return answerError(new HoldfastError('unknown_route', detail), request, reply);
  });
  registerOperations(app, { store, own, stopping: stopping.signal });

  const servers: Record<SocketName, NetServer> = { socket: app.server, agentSocket: restrictedServer(app.server) };

  return {
    listen: async ({ socket, agentSocket }) => {
      await bind(socket, (path) => app.listen({ path, backlog }));
      await bind(agentSocket, listenOn(servers.agentSocket, backlog));
    },
    listenAgain: (paths, name) => {
      // Of the listening handle alone: HTTP's own close would end idle connections too.
      NetServer.prototype.close.call(servers[name]);
      return bind(paths[name], listenOn(servers[name], backlog));
    },
    drain: async () => {
      draining = true;
      stopping.abort(new HoldfastError('shutting_down', 'The daemon is stopping: call again.'));
      if (active > 0) await new Promise<void>((resolve) => (drained = resolve));
    },
    quiet: async () => {
      // Callers that try again at once would never let it end.
      for (let [seen, rounds] = [-1, 0]; seen !== requests && rounds < maxLingers; rounds++) {
        seen = requests;
        await sleep(lingerMs);
        // What came while a busy machine did not let this process run is read after its timers: a connection, then its request.
        await turn();
        await turn();
      }
    },
    close: async (timeUp) => {
      // Its connections are HTTP's, and end with them.
      servers.agentSocket.close();
      const closing = app.close();
      await Promise.race([closing, timeUp]);
      app.server.closeAllConnections();
      await closing;
    },
  };
}
