import type { FastifyInstance, FastifyRequest } from 'fastify';
import { contract } from '../../shared/contract.ts';
import { HoldfastError } from '../../shared/errors.ts';
import { clientHeader, keyHeader, unquote } from '../../shared/headers.ts';
import type { Operation } from '../../shared/operation.ts';
import type { Store } from '../store/store.ts';
import { inputReader } from './input.ts';
import type { SystemOperations } from './system.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `feeds.put` */
    operation?: string;
  }
}

/** The one loop: every operation of the contract becomes a route. */
export function registerOperations(app: FastifyInstance, store: Store, system: SystemOperations): void {
  for (const [group, operations] of Object.entries(contract) as [string, Record<string, Operation>][]) {
    for (const [verb, operation] of Object.entries(operations)) {
      if (operation.secret || operation.stream || operation.wait) {
        throw new Error(`${group}.${verb}: the server does not carry secret, stream or wait yet`);
      }
      register(app, store, system, group, verb, operation);
    }
  }
}

function register(
  app: FastifyInstance,
  store: Store,
  system: SystemOperations,
  group: string,
  verb: string,
  operation: Operation,
): void {
  const name = `${group}.${verb}`;
  const own = group === 'system' ? system[verb as keyof SystemOperations] : undefined;
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
